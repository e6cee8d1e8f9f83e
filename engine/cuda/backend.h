// What the engine asks of the cuda device, in terms that need no CUDA header. A build without nvcc links
// absent.cpp instead, so that callers carry no #ifdefs. Streams, events and graphs are CUDA's handles.
#pragma once

#include <cstddef>
#include <string>

namespace sec::cuda {

// Empty if a GPU can be used here, else one line that says why not.
std::string why_unavailable();

// The GPU's name.
std::string model();

// Null if the GPU has not as much left. Throws Error on anything else.
void* allocate_memory(std::size_t bytes);
void free_memory(void* memory);
std::size_t available_memory();  // bytes that the GPU has left

// Copies in stream order. A host source may be reused at once: it was copied to a pinned staging buffer. A
// host destination is complete at return.
enum class Direction { to_device, to_host, on_device };
void copy(void* stream, void* to, const void* from, std::size_t bytes, Direction direction);
void zero(void* stream, void* memory, std::size_t bytes);

void* create_stream();
void destroy_stream(void* stream);
void synchronize(void* stream);  // throws Error if work on the stream failed

void* create_event();
void destroy_event(void* event);
void record(void* event, void* stream);
void wait(void* stream, void* event);                // later work on `stream` waits for the event
float milliseconds_between(void* begin, void* end);  // waits for both

bool is_capturing(void* stream);
void begin_capture(void* stream);
void* end_capture(void* stream);    // the graph, ready to run
void cancel_capture(void* stream);  // what was recorded is lost
void replay(void* graph, void* stream);
void destroy_graph(void* graph);

}  // namespace sec::cuda
