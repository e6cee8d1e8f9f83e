#include "tools/secdata/sha256.h"

#include <openssl/evp.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <vector>

#include "engine/error.h"
#include "engine/library.h"

namespace sec::tools {
namespace {

struct Crypto {
  Library library{"fetch", "libcrypto.so.3"};
  decltype(::EVP_MD_CTX_new)* create = library.function<decltype(::EVP_MD_CTX_new)>("EVP_MD_CTX_new");
  decltype(::EVP_MD_CTX_free)* destroy = library.function<decltype(::EVP_MD_CTX_free)>("EVP_MD_CTX_free");
  decltype(::EVP_sha256)* sha256 = library.function<decltype(::EVP_sha256)>("EVP_sha256");
  decltype(::EVP_DigestInit_ex)* begin = library.function<decltype(::EVP_DigestInit_ex)>("EVP_DigestInit_ex");
  decltype(::EVP_DigestUpdate)* update = library.function<decltype(::EVP_DigestUpdate)>("EVP_DigestUpdate");
  decltype(::EVP_DigestFinal_ex)* end =
      library.function<decltype(::EVP_DigestFinal_ex)>("EVP_DigestFinal_ex");
};

}  // namespace

std::string sha256_of(const std::filesystem::path& file) {
  static const Crypto crypto;
  std::ifstream stream(file, std::ios::binary);
  const bool opened = stream.is_open();
  require(opened, "{}: cannot open: {}", file.string(), std::strerror(errno));
  const std::unique_ptr<EVP_MD_CTX, decltype(::EVP_MD_CTX_free)*> sum(crypto.create(), crypto.destroy);
  bool good = sum != nullptr && crypto.begin(sum.get(), crypto.sha256(), nullptr) == 1;
  std::vector<char> piece(1 << 16);
  while (good && stream) {
    stream.read(piece.data(), std::ssize(piece));
    good = crypto.update(sum.get(), piece.data(), static_cast<std::size_t>(stream.gcount())) == 1;
  }
  std::array<unsigned char, 32> bytes{};
  good = good && !stream.bad() && crypto.end(sum.get(), bytes.data(), nullptr) == 1;
  require(good, "{}: cannot be summed", file.string());
  std::string text;
  for (const unsigned char byte : bytes) {
    text += fmt::format("{:02x}", byte);
  }
  return text;
}

}  // namespace sec::tools
