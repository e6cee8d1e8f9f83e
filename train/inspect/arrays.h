// Arrays of numbers in the JSON of a page: {"dtype", "shape", "scale", "offset", "data"}, where data is base64 of little
// endian elements, and a value is raw * scale + offset.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/files/json.h"

namespace sec::train {

std::string base64(std::string_view bytes);

// Throw Error unless the shape has as many elements as there are values.
io::Json f32_array(std::span<const float> values, const std::vector<std::int64_t>& shape);
// As io::f16 rounds.
io::Json f16_array(std::span<const float> values, const std::vector<std::int64_t>& shape);
// In steps of 1/255 of the range. Values that are not finite count as 0.
io::Json u8_array(std::span<const float> values, const std::vector<std::int64_t>& shape);
// In steps of 1/32767 of the largest magnitude. Values that are not finite are -32768.
io::Json i16_array(std::span<const float> values, const std::vector<std::int64_t>& shape);

}  // namespace sec::train
