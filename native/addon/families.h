#pragma once

#include <napi.h>

namespace podrun {

// One per family of functions, called once per environment with EnvData in place.
void registerOwnedFd(Napi::Env env, Napi::Object exports);
void registerSpawn(Napi::Env env, Napi::Object exports);
void registerReap(Napi::Env env, Napi::Object exports);
void registerCgroup(Napi::Env env, Napi::Object exports);
void registerNetwork(Napi::Env env, Napi::Object exports);
void registerLock(Napi::Env env, Napi::Object exports);
void registerSeccomp(Napi::Env env, Napi::Object exports);
void registerUnpack(Napi::Env env, Napi::Object exports);

}  // namespace podrun
