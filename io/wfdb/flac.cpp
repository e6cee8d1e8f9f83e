// WFDB formats 508, 516 and 524: a FLAC stream with one channel per signal.
// libFLAC decodes only the blocks that a window needs.
#include <FLAC/stream_decoder.h>

#include <algorithm>
#include <fstream>
#include <span>

#include "engine/error.h"
#include "io/wfdb/source.h"

namespace sec::io {
namespace {

// libFLAC calls back into this class. Callbacks must not throw: they note errors, which are thrown later.
class FlacSource final : public SampleSource {
 public:
  explicit FlacSource(SourceLayout layout)
      : layout_(std::move(layout)),
        file_(layout_.path.string()),
        size_(static_cast<std::int64_t>(std::filesystem::file_size(layout_.path))),
        stream_(layout_.path, std::ios::binary),
        decoder_(FLAC__stream_decoder_new()),
        per_frame_(layout_.samples_per_frame.front()) {
    require(stream_.is_open(), "{}: cannot open", file_);
    require(layout_.offset <= size_, "{}: {} bytes, but its samples begin at byte {}", file_, size_,
            layout_.offset);
    require(
        std::ranges::count(layout_.samples_per_frame, per_frame_) == std::ssize(layout_.samples_per_frame),
        "{}: the signals of a FLAC file need the same number of samples per frame", file_);
    require(decoder_ != nullptr, "{}: no memory for a FLAC decoder", file_);
    stream_.seekg(layout_.offset);
    const auto status = FLAC__stream_decoder_init_stream(decoder_.get(), read_bytes, seek, tell, length,
                                                         at_end, write, metadata, note_error, this);
    require(status == FLAC__STREAM_DECODER_INIT_STATUS_OK, "{}: cannot start a FLAC decoder: {}", file_,
            FLAC__StreamDecoderInitStatusString[status]);
    const bool begun = FLAC__stream_decoder_process_until_end_of_metadata(decoder_.get()) != 0;
    require(begun && described_ && error_ == nullptr, "{}: byte {}: expected a FLAC stream", file_,
            layout_.offset);
    require(channels_ == layout_.samples_per_frame.size(),
            "{}: {} FLAC channels, but the header lists {} signals", file_, channels_,
            layout_.samples_per_frame.size());
    const int bits = layout_.format - 500;
    require(bits_ <= static_cast<unsigned>(bits), "{}: FLAC samples of {} bits, format {} has at most {}",
            file_, bits_, layout_.format, bits);
    if (total_ == 0) {
      count_samples();
    }
  }

  std::int64_t frames() const override { return total_ / per_frame_; }

  void read(std::int64_t first, std::span<std::int32_t> samples) override {
    const std::int64_t begin = first * per_frame_;
    const std::int64_t end = begin + std::ssize(samples) / channels();
    for (std::int64_t at = begin; at < end;) {
      if (at < block_begin_ || at >= block_end()) {
        go_to(at);
      }
      const std::int64_t stop = std::min(end, block_end());
      for (std::int64_t c = 0; c < channels(); ++c) {
        const std::span<const std::int32_t> from(block_.data() + c * block_length_, block_length_);
        for (std::int64_t i = at; i < stop; ++i) {
          const std::int64_t frame = (i - begin) / per_frame_;
          samples[(frame * channels() + c) * per_frame_ + (i - begin) % per_frame_] = from[i - block_begin_];
        }
      }
      at = stop;
    }
  }

 private:
  struct Delete {
    void operator()(FLAC__StreamDecoder* decoder) const { FLAC__stream_decoder_delete(decoder); }
  };

  static FlacSource& self(void* data) { return *static_cast<FlacSource*>(data); }

  static FLAC__StreamDecoderReadStatus read_bytes(const FLAC__StreamDecoder* /*decoder*/, FLAC__byte* buffer,
                                                  std::size_t* bytes, void* data) {
    std::ifstream& stream = self(data).stream_;
    stream.read(reinterpret_cast<char*>(buffer), static_cast<std::streamsize>(*bytes));
    *bytes = static_cast<std::size_t>(stream.gcount());
    if (stream.bad()) {
      return FLAC__STREAM_DECODER_READ_STATUS_ABORT;
    }
    return *bytes == 0 ? FLAC__STREAM_DECODER_READ_STATUS_END_OF_STREAM
                       : FLAC__STREAM_DECODER_READ_STATUS_CONTINUE;
  }
  static FLAC__StreamDecoderSeekStatus seek(const FLAC__StreamDecoder* /*decoder*/, FLAC__uint64 offset,
                                            void* data) {
    FlacSource& source = self(data);
    if (offset > static_cast<FLAC__uint64>(source.size_ - source.layout_.offset)) {
      return FLAC__STREAM_DECODER_SEEK_STATUS_ERROR;
    }
    source.stream_.clear();
    source.stream_.seekg(source.layout_.offset + static_cast<std::int64_t>(offset));
    return source.stream_ ? FLAC__STREAM_DECODER_SEEK_STATUS_OK : FLAC__STREAM_DECODER_SEEK_STATUS_ERROR;
  }
  static FLAC__StreamDecoderTellStatus tell(const FLAC__StreamDecoder* /*decoder*/, FLAC__uint64* offset,
                                            void* data) {
    FlacSource& source = self(data);
    source.stream_.clear();
    *offset =
        static_cast<FLAC__uint64>(static_cast<std::int64_t>(source.stream_.tellg()) - source.layout_.offset);
    return FLAC__STREAM_DECODER_TELL_STATUS_OK;
  }
  static FLAC__StreamDecoderLengthStatus length(const FLAC__StreamDecoder* /*decoder*/, FLAC__uint64* bytes,
                                                void* data) {
    *bytes = static_cast<FLAC__uint64>(self(data).size_ - self(data).layout_.offset);
    return FLAC__STREAM_DECODER_LENGTH_STATUS_OK;
  }
  static FLAC__bool at_end(const FLAC__StreamDecoder* /*decoder*/, void* data) {
    return self(data).stream_.eof() ? 1 : 0;
  }
  static void note_error(const FLAC__StreamDecoder* /*decoder*/, FLAC__StreamDecoderErrorStatus status,
                         void* data) {
    self(data).error_ = FLAC__StreamDecoderErrorStatusString[status];
  }
  static void metadata(const FLAC__StreamDecoder* /*decoder*/, const FLAC__StreamMetadata* block,
                       void* data) {
    if (block->type == FLAC__METADATA_TYPE_STREAMINFO) {
      FlacSource& source = self(data);
      source.described_ = true;
      source.channels_ = block->data.stream_info.channels;
      source.bits_ = block->data.stream_info.bits_per_sample;
      source.total_ = static_cast<std::int64_t>(block->data.stream_info.total_samples);  // a 36-bit number
    }
  }
  static FLAC__StreamDecoderWriteStatus write(const FLAC__StreamDecoder* /*decoder*/,
                                              const FLAC__Frame* frame, const FLAC__int32* const buffer[],
                                              void* data) {
    FlacSource& source = self(data);
    if (frame->header.channels != source.channels_ || frame->header.bits_per_sample != source.bits_) {
      source.error_ = "a block whose shape differs from the stream's";
      return FLAC__STREAM_DECODER_WRITE_STATUS_ABORT;
    }
    source.fresh_ = true;
    source.block_begin_ = static_cast<std::int64_t>(frame->header.number.sample_number);
    source.block_length_ = frame->header.blocksize;
    source.block_.clear();
    for (unsigned c = 0; c < source.channels_; ++c) {
      source.block_.insert(source.block_.end(), buffer[c], buffer[c] + frame->header.blocksize);
    }
    return FLAC__STREAM_DECODER_WRITE_STATUS_CONTINUE;
  }

  std::int64_t channels() const { return static_cast<std::int64_t>(channels_); }
  std::int64_t block_end() const { return block_begin_ + block_length_; }

  // Decodes the next FLAC block. Returns false at the end of the stream.
  bool next_block() {
    fresh_ = false;
    while (!fresh_ && FLAC__stream_decoder_get_state(decoder_.get()) != FLAC__STREAM_DECODER_END_OF_STREAM) {
      const bool going = FLAC__stream_decoder_process_single(decoder_.get()) != 0;
      check(going);
    }
    return fresh_;
  }

  void check(bool going) const {
    require(error_ == nullptr, "{}: damaged FLAC stream after sample {}: {}", file_, block_end(),
            error_ == nullptr ? "" : error_);
    require(going, "{}: damaged FLAC stream after sample {}: {}", file_, block_end(),
            FLAC__stream_decoder_get_resolved_state_string(decoder_.get()));
  }

  // Decodes the block that contains sample `at`: the next block, or one found by seeking.
  void go_to(std::int64_t at) {
    error_ = nullptr;
    if (at != block_end() || !next_block()) {
      fresh_ = false;
      const bool found =
          FLAC__stream_decoder_seek_absolute(decoder_.get(), static_cast<FLAC__uint64>(at)) != 0;
      if (!found || !fresh_) {
        FLAC__stream_decoder_flush(decoder_.get());
        block_begin_ = -1;  // the next decoded block may be anywhere
        block_length_ = 0;
      }
      check(true);
      require(found && fresh_, "{}: truncated or damaged FLAC stream: sample {} of {} cannot be found", file_,
              at, total_);
    }
    require(at >= block_begin_ && at < block_end(),
            "{}: damaged FLAC stream: sample {} expected, found a block from {} to {}", file_, at,
            block_begin_, block_end());
  }

  // Counts the samples of a stream whose header does not state their number.
  void count_samples() {
    while (next_block()) {
      total_ = block_end();
    }
  }

  SourceLayout layout_;
  std::string file_;
  std::int64_t size_;  // bytes
  std::ifstream stream_;
  std::unique_ptr<FLAC__StreamDecoder, Delete> decoder_;
  std::int64_t per_frame_;  // samples per channel and frame
  bool described_ = false;
  unsigned channels_ = 0;
  unsigned bits_ = 0;
  std::int64_t total_ = 0;       // samples per channel
  const char* error_ = nullptr;  // the last error reported by libFLAC
  bool fresh_ = false;           // the last call decoded a block
  std::int64_t block_begin_ = 0;
  std::int64_t block_length_ = 0;
  std::vector<std::int32_t> block_;  // [channel][sample]
};

}  // namespace

std::unique_ptr<SampleSource> open_flac_source(SourceLayout layout) {
  return std::make_unique<FlacSource>(std::move(layout));
}

}  // namespace sec::io
