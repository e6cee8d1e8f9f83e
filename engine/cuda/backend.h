// The engine's interface to the cuda device, without CUDA headers. Callers need no #ifdef:
// a build without nvcc links absent.cpp instead. Streams, events and graphs are CUDA handles passed as void*.
#pragma once

#include <cstddef>
#include <string>

namespace sec::cuda {

// Empty if a usable GPU is present; otherwise one line with the reason.
std::string why_unavailable();

// The product name of the GPU.
std::string model();

// Returns null if the GPU is out of memory. Throws Error on any other failure.
void* allocate_memory(std::size_t bytes);
void free_memory(void* memory);
std::size_t available_memory();  // free bytes on the GPU

// Page-locked host memory, which the GPU can read without a staging copy. Null if the system grants none.
void* allocate_pinned(std::size_t bytes);

// Copies bytes in stream order. A host destination is complete when the call returns.
// The caller may reuse a host source at once, because it is first copied to a pinned staging buffer.
// A source in pinned memory (from_pinned) is read by the GPU later, when the stream reaches the copy.
enum class Direction { to_device, from_pinned, to_host, on_device };
void copy(void* stream, void* to, const void* from, std::size_t bytes, Direction direction);
void zero(void* stream, void* memory, std::size_t bytes);

void* create_stream();
void destroy_stream(void* stream);
void synchronize(void* stream);  // throws Error if work on the stream failed

void* create_event();
void destroy_event(void* event);
void record(void* event, void* stream);
void synchronize_event(void* event);                 // the host waits for the event
void wait(void* stream, void* event);                // later work on `stream` waits for the event
float milliseconds_between(void* begin, void* end);  // waits for both events

bool is_capturing(void* stream);
void begin_capture(void* stream);
void* end_capture(void* stream);    // returns the executable graph
void cancel_capture(void* stream);  // discards the captured work
void replay(void* graph, void* stream);
void destroy_graph(void* graph);

// Begin and end of the part that NVIDIA's profilers show.
void start_profilers();
void stop_profilers();

}  // namespace sec::cuda
