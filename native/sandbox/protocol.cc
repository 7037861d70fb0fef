#include "base/json.h"
#include "sandbox/messages.h"
#include "sandbox/sandbox.h"

namespace podrun {

using json::Fields;
using json::Need;
void Sandbox::onFrame(Connection& connection, Channel channel, std::string_view payload) {
  if (channel == Channel::control) return onRequest(connection, payload);
  if (connection.session == nullptr) return;  // late input of an exec that has ended
  auto* session = static_cast<ExecSession*>(connection.session);
  if (channel == Channel::in) return session->input(payload);
  if (channel != Channel::resize) return connection.drop();
  int64_t width = 0;
  int64_t height = 0;
  const std::string problem = json::parse(payload, "resize", [&](Fields& fields) {
    fields.number("width", 1, UINT16_MAX, width);
    fields.number("height", 1, UINT16_MAX, height);
  });
  if (problem.empty()) session->resize(static_cast<uint16_t>(width), static_cast<uint16_t>(height));
}

void Sandbox::onRequest(Connection& connection, std::string_view text) {
  connection.requestId = 0;
  const std::string problem = json::parse(text, "request", [&](Fields& fields) {
    std::string method;
    fields.number("id", 0, INT64_MAX, connection.requestId);
    fields.text("method", method);
    fields.any("params");
    if (!fields.complete()) return;
    fields.object("params", [&](Fields& params) { call(connection, method, params); });
  });
  if (!problem.empty()) respondError(connection, SysError::refused(problem), "request");
}

/** A method first reads all its parameters; when they are not complete() it leaves, and the problem is the
 * answer. */
void Sandbox::call(Connection& connection, const std::string& method, Fields& params) {
  const bool supervises = &connection == supervisor_;
  if (method == "init" && supervises && !initialised_) return init(connection, params);
  if (!initialised_) return params.fail("method", "init comes first, on the supervising connection");
  if (method == "start") return start(connection, params);
  if (method == "exec") return exec(connection, params);
  if (method == "signal") return signal(connection, params);
  if (!params.complete()) return;
  if (method == "holdFds" && supervises) return holdFds(connection);
  if (method == "state") return state(connection);
  if (method == "subscribe") return subscribe(connection);
  if (method == "shutdown") return killAll();
  params.fail("method", "no such method here: " + method);
}

void Sandbox::respond(Connection& connection, json::Object& response) {
  connection.send(Channel::control, response.done());
  connection.resume();
}

void Sandbox::respondFailure(Connection& connection, const Report& failure) {
  json::Object response;
  response.number("id", connection.requestId).begin("error");
  addFailure(response, failure);
  response.end();
  respond(connection, response);
}

void Sandbox::respondError(Connection& connection, const SysError& error, const char* step) {
  respondFailure(connection, failureReport(error, step, 128));
}

Container* Sandbox::find(const std::string& name) {
  for (auto& container : containers_) {
    if (container->request().name == name && container->state() != Container::State::failed)
      return container.get();
  }
  return nullptr;
}

}  // namespace podrun
