// The shared memory of one block: arrays with red zones around them, initially filled with a NaN pattern.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace sec::simt {

class SharedArena {
 public:
  struct Array {
    const void* key;
    const char* name;
    char* data;
    std::size_t bytes;
  };

  SharedArena();
  ~SharedArena();
  SharedArena(const SharedArena&) = delete;
  SharedArena& operator=(const SharedArena&) = delete;

  // Returns the array of declaration `key`, and creates it at its first use in a block.
  // Returns null if the block has no room left.
  void* array(const void* key, const char* name, std::size_t bytes, std::uint32_t fill);
  std::size_t bytes() const { return bytes_; }  // total size of all arrays
  bool holds(const void* address) const;        // whether the address is in an array or between arrays
  std::span<const Array> arrays() const { return {arrays_.data(), count_}; }  // in order of first use

  // Names an array whose red zone was overwritten, as part of an error message. Empty if none was.
  std::string damage() const;
  // Removes all arrays before the next block.
  void clear();

 private:
  void add_red_zone();

  char* memory_;
  std::size_t used_ = 0;  // bytes used of memory_
  std::size_t bytes_ = 0;
  std::array<Array, 64> arrays_;
  std::size_t count_ = 0;
};

}  // namespace sec::simt
