// Fuzz targets for all parsers except those of recordings.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "io/databases/cinc.h"
#include "io/databases/label_table.h"
#include "io/databases/ptbxl.h"
#include "io/databases/tianchi_labels.h"
#include "io/models/safetensors.h"
#include "io/tables/annotation_table.h"
#include "io/wfdb/annotation.h"
#include "tests/fuzz/targets.h"
#include "tools/secinfer/live_input.h"
#include "train/data/splits.h"
#include "train/recipe/recipe.h"

namespace sec::fuzz {
namespace {

void read_annotation_bytes(std::string_view bytes) {
  io::parse_annotation_file(bytes, "r.atr", 360);
  const io::AnnotationFile file = io::parse_annotation_file(bytes, "r.atr");
  const std::string path = write_file("w.atr", "");
  try {
    io::write_annotation_file(path, file);
  } catch (const Error&) {  // for example, texts of more than 255 bytes
    return;
  }
  const io::AnnotationFile again = io::read_annotation_file(path);
  expect(again.annotations == file.annotations && again.labels == file.labels &&
             again.resolution == file.resolution,
         "annotations read back differently");
}

std::vector<std::string> annotation_seeds() {
  return {
      written("s.atr",
              [](const std::string& path) {
                io::write_annotation_file(path, {{{42, "x", "own"}, {1, "n", ""}},
                                                 250,
                                                 {{70'000, 1, -1, 3, 4, "(N"},
                                                  {70'300, 42, 0, 3, 5, ""},
                                                  {90'000, 12, 0, 0, 0, "text"}}});
              }),
      written("s.atr", [](const std::string& path) {
        io::write_annotations(path, std::vector<io::Annotation>{{5, 1, 0, 0, 0, ""}, {2000, 5, 0, 0, 0, ""}});
      })};
}

void read_tensors(std::string_view bytes) {
  const io::SafetensorsFile file = io::read_safetensors(write_file("r.safetensors", bytes));
  const std::string path = write_file("w.safetensors", "");
  io::write_safetensors(path, file);
  const io::SafetensorsFile again = io::read_safetensors(path);
  expect(again.metadata == file.metadata && again.tensors.size() == file.tensors.size(),
         "tensors read back differently");
  for (const auto& [name, tensor] : file.tensors) {
    expect(again.at(name).bytes == tensor.bytes && again.at(name).shape == tensor.shape,
           "a tensor reads back differently");
  }
}

std::vector<std::string> tensor_seeds() {
  return {written("s.safetensors", [](const std::string& path) {
    io::SafetensorsFile file;
    file.metadata["step"] = "12";
    file.tensors["weights"] = {io::StoredType::f32, {2, 2}, std::vector<std::byte>(16)};
    file.tensors["count"] = {io::StoredType::i64, {}, std::vector<std::byte>(8)};
    io::write_safetensors(path, file);
  })};
}

void read_recipe_text(std::string_view bytes) {
  const train::Recipe recipe = train::parse_recipe(std::string(bytes), "r.toml");
  const std::string text = train::to_toml(recipe);
  expect(train::to_toml(train::parse_recipe(text, "r.toml")) == text, "a recipe reads back differently");
}

std::vector<std::string> recipe_seeds() {
  train::Recipe recipe;
  recipe.data.validation = {"108"};
  return {
      train::to_toml(recipe),
      "classes = [\"N\", \"V\"]\n[train]\nepochs = 3\n[data]\nleads = [\"MLII\"]\nvalidation = [\"108\"]\n"};
}

// The input is a line "%% s.json" or "%% s.txt", followed by the file.
void read_split(std::string_view bytes) {
  const std::string folder = write_files(bytes);
  try {
    train::read_split_file(folder + "/s.json");
  } catch (const Error&) {
  }
  try {
    train::read_split_file(folder + "/s.txt");
  } catch (const Error&) {
  }
}

std::vector<std::string> split_seeds() {
  return {join(
      {{"s.json", R"({"train": ["100"], "validation": ["101"], "test": ["102"], "patients": {"100": "P1"}})"},
       {"s.txt", "record,side\n100,train\n101,test,P7,600,1800 # late\n102\tvalidation\t-\n"}})};
}

// Reads tables of labels in all their forms. The recordings that they name are empty files.
void read_labels(std::string_view bytes) {
  const std::string folder = write_files(bytes);
  const auto attempt = [](const auto& read) {
    try {
      read();
    } catch (const Error& error) {
      expect(std::string_view(error.what()).find('\n') == std::string_view::npos,
             "an error message with several lines");
    }
  };
  attempt([&] { io::read_ptbxl(folder, io::PtbxlLabels::superclass); });
  attempt([&] { io::read_ptbxl(folder, io::PtbxlLabels::statements, true); });
  attempt([&] { io::read_label_table(folder + "/t.csv", folder); });
  attempt([&] { io::read_label_table(folder + "/t.tsv", folder); });
  attempt([&] {  // the table is right if and only if no problem is noted
    std::vector<std::string> problems;
    const auto lenient = io::read_label_table(folder + "/t.csv", folder, &problems);
    if (problems.empty() && !lenient.empty()) {
      expect(io::read_label_table(folder + "/t.csv", folder).size() == lenient.size(),
             "problems are not noted");
    }
  });
  attempt([&] {
    const std::vector<io::Annotation> annotations =
        io::read_annotation_table(folder + "/r.annotations.csv", 360);
    expect(std::ranges::is_sorted(annotations, {}, &io::Annotation::sample),
           "annotations are not in order of time");
  });
  attempt([&] { io::read_cinc(folder); });
  attempt([&] { io::read_tianchi_labels(folder + "/h.txt", folder); });
  attempt([&] { io::read_class_list(folder + "/h.txt"); });
}

std::vector<std::string> label_seeds() {
  return {join({{"ptbxl_database.csv",
                 "ecg_id,patient_id,age,sex,scp_codes,strat_fold,filename_lr,filename_hr\n"
                 "1,15709.0,56.0,1,\"{'NORM': 100.0, 'SR': 0.0}\",3,r,r\n2,7,300,0,{'IMI': 15.0},9,s,s\n"},
                {"scp_statements.csv",
                 ",description,diagnostic,form,rhythm,diagnostic_class\nNORM,normal,1.0,,,NORM\n"
                 "IMI,\"inferior, old\",1.0,,,MI\nSR,sinus,,,1.0,\n"},
                {"r.hea", "r 1 500 5\nr.dat 16\n#Age: 56\n#Sex: Male\n# Dx: 426783006,164865005\n"},
                {"s.hea", "s 1 500 5\nr.dat 16\n#Age: NaN\n#Sex: Unknown\n#Dx: 1\n"}}),
          join({{"t.csv", "file,labels,patient,fold,age,sex\nr,N|V,\"a \"\"b\"\"\",1,56,F\ns,,,,,\n"},
                {"t.tsv", "labels\tfile\nN\tr\n"},
                {"r.annotations.csv", "time_s,symbol,sub,aux\n1.5,V,1,x\n0.25,N,,\n"},
                {"r.hea", ""},
                {"s.hea", ""}}),
          join({{"h.txt", "r.txt\t56\tMALE\tsinus\tlow voltage\t\ns.txt\t\t\tsinus\n"},
                {"r.txt", ""},
                {"s.txt", ""}})};
}

// The first byte chooses the format; the second chooses how the remaining bytes are cut into blocks.
void read_live(std::string_view bytes) {
  if (bytes.size() < 2) {
    return;
  }
  constexpr const char* formats[] = {"csv", "i16", "f32"};
  const auto format = tools::parse_live_format(formats[static_cast<unsigned char>(bytes[0]) % 3]);
  const std::size_t piece = static_cast<unsigned char>(bytes[1]) + 1U;
  tools::LiveInput whole(format, {"I", "II"}, 200);
  tools::LiveInput pieces(format, {"I", "II"}, 200);
  std::vector<std::vector<float>> expected(2);
  std::vector<std::vector<float>> found(2);
  bytes.remove_prefix(2);
  whole.push(bytes, expected);
  for (std::string_view rest = bytes; !rest.empty(); rest.remove_prefix(std::min(piece, rest.size()))) {
    pieces.push(rest.substr(0, piece), found);
  }
  whole.finish(expected);
  pieces.finish(found);
  expect(expected[0].size() == found[0].size() && expected[1].size() == found[1].size() &&
             expected[0].size() == expected[1].size(),
         "pieces give other samples than the whole");
}

std::vector<std::string> live_seeds() {
  return {"0\0021,2\n3.5,\n,-4e-3\r\n", std::string("1\3\1\2\3\4\5\6\7\10", 10), "2\1abcdefgh"};
}

}  // namespace

const Target wfdb_annotations{"wfdb_annotations", read_annotation_bytes, annotation_seeds};
const Target safetensors{"safetensors", read_tensors, tensor_seeds};
const Target recipe{"recipe", read_recipe_text, recipe_seeds};
const Target split{"split", read_split, split_seeds};
const Target labels{"labels", read_labels, label_seeds};
const Target live{"live", read_live, live_seeds};

}  // namespace sec::fuzz
