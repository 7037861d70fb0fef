#include "addon/blob/digest.h"

// From Node's own headers. The functions are resolved in the node executable (or in the libcrypto it is
// linked with) when the addon is loaded: a second libcrypto in the process would be one more to keep patched.
#include <openssl/evp.h>

#include <new>

#include "addon/layer_error.h"

namespace podrun {

void Sha256::Free::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  if (!context_) throw std::bad_alloc();
  if (EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1) {
    refuse(Refusal::unsupported, "OpenSSL offers no SHA-256");
  }
}

void Sha256::update(std::span<const uint8_t> bytes) {
  EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
}

std::string Sha256::finish() {
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  EVP_DigestFinal_ex(context_.get(), hash, &length);
  static const char digits[] = "0123456789abcdef";
  std::string text = "sha256:";
  for (unsigned int i = 0; i < length; i += 1) {
    text += digits[hash[i] >> 4];
    text += digits[hash[i] & 15];
  }
  return text;
}

}  // namespace podrun
