// Fuzz targets for the parsers of recordings.
#include <FLAC/stream_encoder.h>

#include <cmath>

#include "engine/error.h"
#include "io/databases/tianchi.h"
#include "io/edf/annotation.h"
#include "io/edf/reader.h"
#include "io/edf/writer.h"
#include "io/recording/memory_reader.h"
#include "io/tables/csv_reader.h"
#include "io/tables/csv_writer.h"
#include "io/tables/npy_reader.h"
#include "io/tables/npy_writer.h"
#include "io/wfdb/header.h"
#include "io/wfdb/reader.h"
#include "io/wfdb/signal.h"
#include "tests/fuzz/read_recording.h"
#include "tests/fuzz/targets.h"

namespace sec::fuzz {
namespace {

constexpr std::int64_t samples = 90;

io::Recording recording() {
  io::Recording made;
  made.name = "r";
  made.rate = 25;
  made.leads = {{"II", "mV", 200, 0, 12}, {"RESP", "l", 10, 3, 12}};
  made.signals.resize(2);
  for (std::int64_t i = 0; i < samples; ++i) {
    made.signals[0].push_back(static_cast<float>(i * i % 400 - 200) / 200);
    made.signals[1].push_back(i % 17 == 0 ? NAN : static_cast<float>(i));
  }
  made.comments = {"Age: 56"};
  return made;
}

std::vector<io::Annotation> annotations() {
  return {{0, 28, 0, 0, 0, "(N"}, {20, 1, 0, 0, 0, ""}, {44, 5, 1, 0, -1, ""}, {80, 22, 0, 0, 0, "a note"}};
}

void read_edf(std::string_view bytes) {
  const auto reader = io::open_edf(write_file("r.edf", bytes));
  for (io::Annotation annotation : reader->annotations()) {
    annotation.sample = 0;  // the text holds neither time nor duration
    annotation.duration.reset();
    std::string text;
    try {
      text = io::edf_text_of(annotation);
    } catch (const Error&) {  // the text holds byte 21
      continue;
    }
    expect(io::annotation_of_edf_text(text) == annotation, "an annotation reads back differently");
  }
  read_recording(*reader);
}

std::vector<std::string> edf_seeds() {
  const std::string both = written("s.edf", [](const std::string& path) {
    io::write_edf(path, *io::reader_of(recording()), annotations());
  });
  std::string gaps = both;  // the same recording with time gaps between its data records
  gaps.replace(gaps.find("EDF+C"), 5, "EDF+D");
  for (const auto& [at, later] : {std::pair("+3", "+9"), std::pair("+2", "+7"), std::pair("+1", "+5")}) {
    gaps.replace(gaps.find(at + std::string("\x14\x14")), 2, later);
  }
  return {both, gaps, written("s.edf", [](const std::string& path) {
            io::write_edf_annotations(path, 25, {"02/03/2002", "12:30:05.5"}, annotations());
          })};
}

void read_csv(std::string_view bytes) {
  const std::string folder = write_files(bytes);
  read_recording(*io::open_csv(folder + "/r.csv"));
}

std::vector<std::string> csv_seeds() {
  const std::string table =
      written("s.csv", [](const std::string& path) { io::write_csv(path, *io::reader_of(recording())); });
  return {join({{"r.csv", table}}),
          join({{"r.json",
                 R"({"rate": 25, "leads": ["I", "II"], "units": ["uV", "mV"], "gain": 2, "baseline": 1})"},
                {"r.csv", "1,2\r\n3,\n\nnan,-4e-1\n"}}),
          join({{"r.csv", "'Elapsed time','I'\n'hh:mm:ss.mmm','uV'\n'0:00.000',1\n'0:00.004',-\n"}}),
          join({{"r.csv", "# c\ntime_ms;\"I;\"\"\"\n[0];1\n[4];2\n"}})};
}

void read_npy(std::string_view bytes) {
  const std::string folder = write_files(bytes);
  read_recording(*io::open_npy(folder + "/r.npy"));
}

std::vector<std::string> npy_seeds() {
  std::vector<std::string> seeds;
  for (const bool digital : {false, true}) {
    const auto npy =
        digital ? written("s.npy",
                          [](const std::string& path) {
                            const auto source = io::open_edf(write_file("r.edf", edf_seeds()[0]));
                            io::write_npy(path, *source, true);
                          })
                : written("s.npy",
                          [](const std::string& path) { io::write_npy(path, *io::reader_of(recording())); });
    const std::string side = written("s.npy.json", [](const std::string&) {});
    seeds.push_back(join({{"r.json", side}, {"r.npy", npy}}));
  }
  std::string fortran = seeds[0];
  fortran.replace(fortran.find("False"), 5, "True ");
  fortran.replace(fortran.find("<f4"), 3, ">f4");
  seeds.push_back(fortran);
  return seeds;
}

void read_header(std::string_view bytes) {
  const io::WfdbHeader header = io::parse_wfdb_header(bytes, "r.hea");
  if (header.segments.empty()) {
    const std::string text = io::wfdb_header_text(header);
    const io::WfdbHeader again = io::parse_wfdb_header(text, "r.hea");
    expect(again.samples == header.samples && again.signals.size() == header.signals.size() &&
               io::wfdb_header_text(again) == text,
           "a header reads back differently");
  }
}

std::vector<std::string> header_seeds() {
  return {
      "# c\r\nr 2 360/1(5) 4 1:00:00 1/2/2000\r\nr.dat 16+0 200.5(-3)/mV 11 1024 257 1028 0 MLII\r\n"
      "r.dat 16 200 11 0 257 1028 0 V1\r\n",
      "r/3 2 250 100\nr0 0\n~ 40\na 60\n", "r 1 500 10\nr.mat 16x1+24 1000/mV 16 0 1 2 0 I\n#Dx: 1,2\n",
      "A0001 1 500 10 12-Jan-2020 10:11:12\nA.dat 212 200(0)/uV 12 0\n"};
}

void read_record(std::string_view bytes) {
  const std::string folder = write_files(bytes);
  read_recording(*io::open_wfdb(folder + "/r"));
}

// A FLAC stream of 100 16-bit samples in blocks of 32, encoded by libFLAC.
std::string flac_stream() {
  std::string bytes;
  FLAC__StreamEncoder* encoder = FLAC__stream_encoder_new();
  FLAC__stream_encoder_set_channels(encoder, 1);
  FLAC__stream_encoder_set_bits_per_sample(encoder, 16);
  FLAC__stream_encoder_set_blocksize(encoder, 32);
  FLAC__stream_encoder_set_streamable_subset(encoder, 0);
  const auto write = [](const FLAC__StreamEncoder*, const FLAC__byte* buffer, std::size_t count, unsigned,
                        unsigned, void* to) {
    static_cast<std::string*>(to)->append(reinterpret_cast<const char*>(buffer), count);
    return FLAC__STREAM_ENCODER_WRITE_STATUS_OK;
  };
  FLAC__stream_encoder_init_stream(encoder, write, nullptr, nullptr, nullptr, &bytes);
  std::vector<FLAC__int32> values(100);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<FLAC__int32>(i * i % 301);
  }
  FLAC__stream_encoder_process_interleaved(encoder, values.data(), static_cast<unsigned>(values.size()));
  FLAC__stream_encoder_finish(encoder);
  FLAC__stream_encoder_delete(encoder);
  return bytes;
}

// Seeds for WFDB records: one per packed format, then several files, segments in both layouts, and FLAC.
std::vector<std::string> record_seeds() {
  std::vector<std::string> seeds;
  const std::string bytes(96, '\x11');
  for (const int format : {8, 16, 24, 32, 61, 80, 160, 212, 310, 311}) {
    seeds.push_back(
        join({{"r.hea", fmt::format("r 2 360 8\nr.dat {} 200 12 0\nr.dat {} 200 12 0\n", format, format)},
              {"r.dat", bytes}}));
  }
  seeds.push_back(join({{"r.hea", "r 2 360 6\nr.dat 16x2:1+24 200 12 0\ns.dat 80 200/V 12 0\n"},
                        {"r.dat", bytes},
                        {"s.dat", bytes}}));
  seeds.push_back(join(
      {{"r.hea", "r/3 1 360 14\na 6\n~ 2\na 6\n"}, {"a.hea", "a 1 360 6\na.dat 16\n"}, {"a.dat", bytes}}));
  seeds.push_back(
      join({{"r.hea", "r/4 2 360 14\nl 0\na 6\n~ 2\nb 6\n"},
            {"l.hea", "l 2 360 0\n~ 0 200 12 0 0 0 0 I\n~ 0 100 12 0 0 0 0 II\n"},
            {"a.hea", "a 1 360 6\na.dat 16 200 12 0 4369 26214 0 II\n"},
            {"b.hea", "b 2 360 6\na.dat 16 200 12 0 4369 26214 0 I\na.dat 16 200 12 0 4369 26214 0 II\n"},
            {"a.dat", bytes}}));
  seeds.push_back(join({{"r.hea", "r 1 360\nr.dat 516 200 16 0\n"}, {"r.dat", flac_stream()}}));
  return seeds;
}

void read_tianchi_text(std::string_view bytes) {
  const io::Recording read = io::read_tianchi(write_file("r.txt", bytes));
  expect(read.samples() == io::tianchi_samples && read.signals.size() == 8, "a recording of another size");
}

std::vector<std::string> tianchi_seeds() {
  std::string text = "I II V1 V2 V3 V4 V5 V6\n";
  for (int i = 0; i < 5000; ++i) {
    text += i % 100 == 0 ? "-5 1 9 4 6\t5 3 -30 \r\n" : "0 1 2 3 4 5 6 7\n";
  }
  return {text};
}

}  // namespace

const Target edf{"edf", read_edf, edf_seeds};
const Target csv{"csv", read_csv, csv_seeds};
const Target npy{"npy", read_npy, npy_seeds};
const Target wfdb_header{"wfdb_header", read_header, header_seeds};
const Target wfdb_record{"wfdb_record", read_record, record_seeds};
const Target tianchi{"tianchi", read_tianchi_text, tianchi_seeds};

}  // namespace sec::fuzz
