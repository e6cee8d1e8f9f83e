// Event files for TensorBoard, read by a reader that is written here from the format's description.
#include "train/loop/event_file.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "tests/io/files.h"

namespace sec::train {
namespace {

using io::content_of;
using io::TemporaryFolder;

// CRC-32C by a table, unlike the writer's, which goes bit by bit.
std::uint32_t crc32c(const std::string& bytes) {
  static const std::vector<std::uint32_t> table = [] {
    std::vector<std::uint32_t> made;
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) {
        value = value % 2 == 1 ? 0x82f63b78U ^ (value / 2) : value / 2;
      }
      made.push_back(value);
    }
    return made;
  }();
  std::uint32_t crc = 0xffffffffU;
  for (const char c : bytes) {
    crc = table[(crc ^ static_cast<unsigned char>(c)) & 0xffU] ^ (crc >> 8U);
  }
  return crc ^ 0xffffffffU;
}

std::uint32_t masked(const std::string& bytes) {
  const std::uint32_t crc = crc32c(bytes);
  return ((crc >> 15U) | (crc << 17U)) + 0xa282ead8U;
}

template <typename T>
T number(const std::string& bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

struct Event {
  double time = 0;
  std::int64_t step = 0;
  std::string version;
  std::map<std::string, float> scalars;
};

// A message of protocol buffers, as its fields in order: numbers as bytes, texts as they are.
std::vector<std::pair<int, std::string>> fields_of(const std::string& bytes) {
  std::vector<std::pair<int, std::string>> fields;
  std::size_t at = 0;
  const auto varint = [&] {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes.at(at++));
      value |= static_cast<std::uint64_t>(byte & 127U) << shift;
      if (byte < 128) {
        return value;
      }
    }
  };
  while (at < bytes.size()) {
    const std::uint64_t key = varint();
    std::string content;
    switch (key % 8) {
      case 0: {
        const std::uint64_t value = varint();
        content.assign(reinterpret_cast<const char*>(&value), sizeof(value));
        break;
      }
      case 1:
      case 5: {
        const std::size_t size = key % 8 == 1 ? 8 : 4;
        content = bytes.substr(at, size);
        at += size;
        break;
      }
      default: {
        const std::uint64_t size = varint();
        content = bytes.substr(at, size);
        at += size;
      }
    }
    fields.emplace_back(static_cast<int>(key / 8), content);
  }
  return fields;
}

std::vector<Event> events_of(const std::string& text) {
  std::vector<Event> events;
  std::size_t at = 0;
  while (at < text.size()) {
    const auto length = number<std::uint64_t>(text, at);
    EXPECT_EQ(number<std::uint32_t>(text, at + 8), masked(text.substr(at, 8)));
    const std::string bytes = text.substr(at + 12, length);
    EXPECT_EQ(number<std::uint32_t>(text, at + 12 + length), masked(bytes));
    at += 16 + length;
    Event& event = events.emplace_back();
    for (const auto& [id, content] : fields_of(bytes)) {
      if (id == 1) {
        event.time = number<double>(content, 0);
      } else if (id == 2) {
        event.step = number<std::int64_t>(content, 0);
      } else if (id == 3) {
        event.version = content;
      } else if (id == 5) {
        for (const auto& [value, one] : fields_of(content)) {
          EXPECT_EQ(value, 1);
          const auto parts = fields_of(one);
          event.scalars[parts.at(0).second] = number<float>(parts.at(1).second, 0);
        }
      }
    }
  }
  return events;
}

TEST(EventFile, HasTheNumbersOfTheLog) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);  // the check value of CRC-32C
  const TemporaryFolder folder;
  const EventFile file(folder / EventFile::name);
  file.begin(0);
  file.add(R"({"event":"step","epoch":1,"step":5,"loss":0.5,"learning_rate":1e-3})", 1.75e9);
  file.add(R"({"event":"epoch","epoch":1,"step":300,"train_loss":0.25,"validation_loss":null,"best":true,)"
           R"("validation_macro_f1":0.75,"validation_f1":{"N":0.9,"V":null}})",
           1.75e9 + 1);
  file.add(R"({"event":"state","epoch":1,"step":300,"loader_wait":0.125,"gradient_norms":{"conv1":2}})",
           1.75e9 + 2);
  const std::vector<Event> events = events_of(content_of(folder / EventFile::name));
  ASSERT_EQ(events.size(), 4U);
  EXPECT_EQ(events[0].version, "brain.Event:2");
  EXPECT_EQ(events[1].step, 5);
  EXPECT_EQ(events[1].time, 1.75e9);
  EXPECT_EQ(events[1].scalars,
            (std::map<std::string, float>{{"step/learning_rate", 1e-3F}, {"step/loss", 0.5F}}));
  EXPECT_EQ(events[2].step, 300);
  EXPECT_EQ(events[2].scalars,
            (std::map<std::string, float>{
                {"train/loss", 0.25F}, {"validation/f1/N", 0.9F}, {"validation/macro_f1", 0.75F}}));
  EXPECT_EQ(events[3].scalars,
            (std::map<std::string, float>{{"gradient_norms/conv1", 2}, {"state/loader_wait", 0.125F}}));
}

// A run that is killed and resumed has no event twice, and none of a record that was cut off.
TEST(EventFile, GoesOnAfterAKill) {
  const TemporaryFolder folder;
  const auto line = [](int step) {
    return R"({"event":"step","step":)" + std::to_string(step) + R"(,"loss":0.5})";
  };
  const EventFile file(folder / EventFile::name);
  file.begin(0);
  std::string two;  // the file with two events
  for (const int step : {100, 200, 300}) {
    two = content_of(folder / EventFile::name);
    file.add(line(step), 1);
  }
  const std::string whole = content_of(folder / EventFile::name);
  const auto steps = [&] {
    std::vector<std::int64_t> found;
    for (const Event& event : events_of(content_of(folder / EventFile::name))) {
      found.push_back(event.step);
    }
    return found;
  };
  const std::size_t last = whole.size() - two.size();
  for (std::size_t cut = 1; cut < last + 10; ++cut) {
    folder.write(EventFile::name, whole.substr(0, whole.size() - cut));
    file.begin(300);
    EXPECT_EQ(steps(),
              (cut <= last ? std::vector<std::int64_t>{0, 100, 200} : std::vector<std::int64_t>{0, 100}))
        << cut;
  }
  folder.write(EventFile::name, whole);
  file.begin(250);
  file.add(line(300), 2);
  EXPECT_EQ(steps(), (std::vector<std::int64_t>{0, 100, 200, 300}));
  file.begin(0);  // a run that begins anew
  EXPECT_EQ(steps(), (std::vector<std::int64_t>{0}));
  std::string damaged = whole;
  damaged[damaged.size() - 20] ^= 1;
  folder.write(EventFile::name, damaged);
  file.begin(300);
  EXPECT_EQ(steps(), (std::vector<std::int64_t>{0, 100, 200}));
}

}  // namespace
}  // namespace sec::train
