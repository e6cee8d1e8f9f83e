// The shared memory of one block at a time: arrays with red zones around them, filled with a pattern that is
// NaN.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace sec::simt {

class SharedArena {
 public:
  SharedArena();
  ~SharedArena();
  SharedArena(const SharedArena&) = delete;
  SharedArena& operator=(const SharedArena&) = delete;

  // The array of declaration `key`; made at its first use in a block. Null if the block has no room for it.
  void* array(const void* key, const char* name, std::size_t bytes, std::uint32_t fill);
  std::size_t bytes() const { return bytes_; }  // of all arrays
  bool holds(const void* address) const;        // within the arrays and between them

  // Which array was written past its ends, as a clause for an error message; empty if none was.
  std::string damage() const;
  // Forgets the arrays, for the next block.
  void clear();

 private:
  struct Array {
    const void* key;
    const char* name;
    char* data;
    std::size_t bytes;
  };

  void add_red_zone();

  char* memory_;
  std::size_t used_ = 0;  // of memory_
  std::size_t bytes_ = 0;
  std::array<Array, 64> arrays_;
  std::size_t count_ = 0;
};

}  // namespace sec::simt
