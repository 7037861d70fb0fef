#include <cstdlib>
#include <new>

/**
 * What the C++ library calls when it would throw. Built without exceptions there is nobody to catch; its own
 * versions would bring in unwinder, demangler and locales, two thirds of the binary. Out of memory ends the
 * sandbox, and with it the Pod.
 */
namespace std {
void __throw_length_error(const char*) {
  abort();
}
void __throw_logic_error(const char*) {
  abort();
}
void __throw_out_of_range(const char*) {
  abort();
}
void __throw_out_of_range_fmt(const char*, ...) {
  abort();
}
void __throw_bad_alloc() {
  abort();
}
void __throw_bad_array_new_length() {
  abort();
}
void __throw_bad_variant_access(unsigned) {
  abort();
}
}  // namespace std

namespace {
void* allocate(size_t size) {
  void* memory = malloc(size != 0 ? size : 1);
  if (memory == nullptr) abort();
  return memory;
}
}  // namespace

void* operator new(size_t size) {
  return allocate(size);
}
void* operator new[](size_t size) {
  return allocate(size);
}
void operator delete(void* memory) noexcept {
  free(memory);
}
void operator delete[](void* memory) noexcept {
  free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  free(memory);
}
void operator delete[](void* memory, size_t) noexcept {
  free(memory);
}

/** Pure virtual calls cannot happen; the library's handler would print. */
extern "C" void __cxa_pure_virtual() {
  abort();
}
