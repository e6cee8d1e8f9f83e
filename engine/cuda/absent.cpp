// Stubs of the cuda device for builds without nvcc. Every use throws Error: the build has no cuda device.
#include "engine/cuda/backend.h"
#include "engine/error.h"

namespace sec::cuda {
namespace {

[[noreturn]] void absent() {
  fail("device cuda: {}", why_unavailable());
}

}  // namespace

std::string why_unavailable() {
  return "this build has no cuda device";
}

std::string model() {
  absent();
}
void* allocate_memory(std::size_t) {
  absent();
}
void free_memory(void*) {}
std::size_t available_memory() {
  absent();
}
void* allocate_pinned(std::size_t) {
  absent();
}
void copy(void*, void*, const void*, std::size_t, Direction) {
  absent();
}
void zero(void*, void*, std::size_t) {
  absent();
}
void* create_stream() {
  absent();
}
void destroy_stream(void*) {}
void synchronize(void*) {
  absent();
}
void* create_event() {
  absent();
}
void destroy_event(void*) {}
void record(void*, void*) {
  absent();
}
void synchronize_event(void*) {
  absent();
}
void wait(void*, void*) {
  absent();
}
float milliseconds_between(void*, void*) {
  absent();
}
bool is_capturing(void*) {
  return false;
}
void begin_capture(void*) {
  absent();
}
void* end_capture(void*) {
  absent();
}
void cancel_capture(void*) {}
void replay(void*, void*) {
  absent();
}
void destroy_graph(void*) {}
void start_profilers() {
  absent();
}
void stop_profilers() {
  absent();
}

}  // namespace sec::cuda
