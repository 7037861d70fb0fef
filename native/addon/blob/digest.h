#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

struct evp_md_ctx_st;

namespace podrun {

/** SHA-256 by the OpenSSL that Node carries: it uses the SHA extensions of the processor. */
class Sha256 {
 public:
  Sha256();
  void update(std::span<const uint8_t> bytes);
  /** "sha256:<64 hex digits>"; nothing may be added afterwards. */
  std::string finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

}  // namespace podrun
