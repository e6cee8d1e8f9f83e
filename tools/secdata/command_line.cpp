#include "tools/secdata/command_line.h"
#include "io/files/option_number.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "io/synthetic/leads.h"
#include "tools/secdata/commands.h"
#include "tools/usage_error.h"

namespace sec::tools {
namespace {

// A list in one argument, as MLII,V1, so that the argument after it is not taken for a part of it.
CLI::Option* as_list(CLI::Option* option) {
  return option->delimiter(',')->expected(1)->take_all()->allow_extra_args(false);
}

void add_info(CLI::App& app, std::function<bool()>& run) {
  const auto options = std::make_shared<InfoOptions>();
  CLI::App* command = app.add_subcommand(
      "info", "What a recording holds: leads, rate, duration, comments, annotations; samples are not read");
  command->add_option("RECORD", options->record, "A WFDB record, with or without .hea, or another recording")
      ->required();
  command->add_option("--annotator", options->annotator, "Of a WFDB record: extension of the annotation file")
      ->capture_default_str();
  command->add_flag("--json", options->as_json, "Print one JSON object");
  command->footer(
      "Examples:\n"
      "  secdata info data/mitdb/100\n"
      "  secdata info found/100 --annotator sec --json");
  command->callback([options, &run] { run = [options] { return info(*options); }; });
}

void add_dump(CLI::App& app, std::function<bool()>& run) {
  const auto options = std::make_shared<DumpOptions>();
  CLI::App* command = app.add_subcommand(
      "dump",
      "Samples as CSV on standard output, a column a lead and a row a sample, or as a NumPy array; or "
      "annotations, one a row");
  command->add_option("RECORD", options->record, "A WFDB record, with or without .hea, or another recording")
      ->required();
  command->add_option("--from", options->from, "First sample: seconds (12.5) or sample number (s4500)")
      ->capture_default_str();
  command->add_option("--to", options->to, "End, not included: seconds or sample number; default: all");
  CLI::Option* leads = as_list(
      command->add_option("--leads", options->leads, "Only these, in this order, as MLII,V1; default: all"));
  CLI::Option* out =
      command->add_option("--out", options->out,
                          "Write FILE.npy, float32 or with --digital int32, and FILE.json that describes it");
  CLI::Option* digital = command->add_flag("--digital", options->digital, "Units of the converter, not mV");
  CLI::Option* annotations =
      command->add_flag("--annotations", options->annotations, "Annotations instead of samples")
          ->excludes(digital)
          ->excludes(leads)
          ->excludes(out);
  command->add_option("--annotator", options->annotator, "Extension of the annotation file")
      ->capture_default_str()
      ->needs(annotations);
  command->add_flag("--json", options->as_json, "Annotations as JSON, one object a line")->needs(annotations);
  command->footer(
      "Examples:\n"
      "  secdata dump data/mitdb/100 --from 10 --to 20 --leads MLII > window.csv\n"
      "  secdata dump data/mitdb/100 --digital --from s3600 --to s7200 --out window.npy\n"
      "  secdata dump data/mitdb/100 --annotations --json");
  command->callback([options, &run] { run = [options] { return dump(*options); }; });
}

void add_verify(CLI::App& app, std::function<bool()>& run) {
  const auto options = std::make_shared<VerifyOptions>();
  CLI::App* command = app.add_subcommand(
      "verify",
      "Reads recordings from beginning to end: checksums, initial values and lengths against their headers, "
      "annotations, and the beats by class where it is known what they should be. Lists every problem; exit "
      "status 1 if there is any");
  command->add_option("PATH", options->path, "A folder, with all folders inside it, or one recording")
      ->required();
  command
      ->add_option(
          "--labels", options->labels,
          "Label table, in the folder or elsewhere: checks its rows and all recordings that it names, of\n"
          "any format, as a training reads them")
      ->type_name("TABLE");
  command->add_flag("--json", options->as_json, "Print one JSON object");
  command->footer(
      "Looked for are WFDB records and EDF files, and what RECORDS files name.\n\n"
      "Examples:\n"
      "  secdata verify data/mitdb\n"
      "  secdata verify data/mine --labels labels.csv\n"
      "  secdata verify data/mitdb/100 --json");
  command->callback([options, &run] { run = [options] { return verify(*options); }; });
}

void add_convert(CLI::App& app, std::function<bool()>& run) {
  const auto options = std::make_shared<ConvertOptions>();
  CLI::App* command = app.add_subcommand(
      "convert",
      "Writes a recording in another format, block by block, with its annotations, and says in one line what "
      "that format does not keep");
  command->add_option("FROM", options->from, "A WFDB record, with or without .hea, or another recording")
      ->required();
  command
      ->add_option("TO", options->to,
                   "FILE.edf, FILE.csv, FILE.tsv or FILE.npy; any other name is that of a WFDB record")
      ->required();
  command
      ->add_option(
          "--format", options->format,
          "edf, csv, tsv, npy, or of a WFDB record its format: 16, 24 or 212; default: by the name, 16")
      ->check(CLI::IsMember({"edf", "csv", "tsv", "npy", "16", "24", "212"}));
  command
      ->add_option("--annotator", options->annotator,
                   "Extension of the annotation file, where there is one: read and written")
      ->capture_default_str();
  as_list(
      command->add_option("--leads", options->leads, "Only these, in this order, as MLII,V1; default: all"));
  command->add_flag("--digital", options->digital,
                    "In .npy files: the converter's numbers, not physical samples");
  command->add_flag("--overwrite", options->overwrite, "Replace files that are there");
  CLI::Option* json = command->add_flag("--json", options->as_json, "Print one JSON object");
  command->add_flag("--quiet", options->quiet, "Print nothing")->excludes(json);
  command->footer(
      "Annotations are inside an EDF+ file; beside all others they are a WFDB annotation file with the same\n"
      "name, from which a later conversion takes them.\n\n"
      "Examples:\n"
      "  secdata convert data/mitdb/100 100.edf\n"
      "  secdata convert 100.edf again --format 212\n"
      "  secdata convert data/mitdb/100 100.npy --digital\n"
      "  secdata convert night.edf night --leads 'ECG II,V1'");
  command->callback([options, &run] { run = [options] { return convert(*options); }; });
}

void add_fetch(CLI::App& app, std::function<bool()>& run) {
  const auto options = std::make_shared<FetchOptions>();
  CLI::App* command = app.add_subcommand(
      "fetch", "Downloads a database, file by file, and checks every file's SHA-256 sum; run again to go on");
  command
      ->add_option("DATABASE", options->database,
                   "mitdb: the MIT-BIH Arrhythmia Database 1.0.0, about 100 MB from PhysioNet")
      ->required()
      ->check(CLI::IsMember(fetchable_databases()));
  command->add_option("FOLDER", options->folder, "Where to; default: data/DATABASE");
  command->add_option("--url", options->url, "Another place with the same files, http or https");
  command->add_flag("--json", options->as_json, "Print one JSON object");
  command->add_flag("--quiet", options->quiet, "Print nothing but errors");
  command->footer(
      "The database is under the Open Data Commons Attribution License 1.0; please cite Moody and Mark 2001\n"
      "and Goldberger et al. 2000 as its page asks: https://physionet.org/content/mitdb/1.0.0/\n\n"
      "Examples:\n"
      "  secdata fetch mitdb\n"
      "  secdata fetch mitdb /data/mitdb --quiet");
  command->callback([options, &run] { run = [options] { return fetch(*options); }; });
}

void add_synth(CLI::App& app, std::function<bool()>& run) {
  const auto options = std::make_shared<SynthOptions>();
  io::SyntheticOptions& synthetic = options->synthetic;
  CLI::App* command = app.add_subcommand(
      "synth",
      "Writes synthetic recordings with their annotations: a database with the record names, leads, rate and "
      "patients of MIT-BIH, or, with --count, other records");
  command->add_option("OUT", options->folder, "Folder to write")->required();
  command->add_option("--minutes", synthetic.minutes, "Minutes of signal a record")
      ->check(CLI::Range(0.1, 120.0))
      ->check(io::refuse_nan)
      ->capture_default_str();
  command->add_option("--seed", synthetic.seed, "The same seed and options give the same files")
      ->capture_default_str();
  command->add_option("--noise", synthetic.noise, "Factor on wander, mains, muscle and electrode noise")
      ->check(CLI::Range(0.0, 100.0))
      ->check(io::refuse_nan)
      ->capture_default_str();
  CLI::Option* records = as_list(
      command->add_option("--records", synthetic.records, "Only these records, as 100,101; default: all 48"));
  CLI::Option* count =
      command
          ->add_option(
              "--count", synthetic.count,
              "Instead of MIT-BIH's records so many others, s00001 and so on, each of another patient")
          ->check(CLI::Range(1, 99'999))
          ->excludes(records);
  command->add_option("--leads", synthetic.leads, "With --count: how many leads")
      ->check(CLI::Range(1, io::most_synthetic_leads))
      ->needs(count);
  command->add_option("--rate", options->rate, "With --count: samples a second, Hz")
      ->check(CLI::Range(100.0, 2000.0))
      ->check(io::refuse_nan)
      ->capture_default_str()
      ->needs(count);
  as_list(command->add_option(
              "--mix", options->mix,
              "With --count: shares of the beats by class, as N=8,S=1,V=1; default: as each patient's "
              "heart has them"))
      ->needs(count);
  command->add_flag("--json", options->as_json, "Print one JSON object");
  command->add_flag("--quiet", options->quiet, "Print nothing");
  command->footer(
      "Leads: up to three of MLII, V1 and V5; more of I, II, V1 to V6, III, aVR, aVL, aVF. Default: two.\n\n"
      "Examples:\n"
      "  secdata synth data/synthetic --minutes 5\n"
      "  secdata synth ectopic --count 20 --mix N=6,S=2,V=2 --leads 12 --rate 500 --minutes 0.5");
  command->callback([options, &run] { run = [options] { return synth(*options); }; });
}

void add_score(CLI::App& app, std::function<bool()>& run) {
  const auto options = std::make_shared<ScoreOptions>();
  ScoreOptions& scored = *options;
  CLI::App* command = app.add_subcommand(
      "score",
      "Compares beat annotations with reference annotations beat by beat, as ANSI/AAMI EC57 "
      "asks, and prints a line a record, sums, gross and average");
  command
      ->add_option("REFERENCE", scored.reference, "Annotation file beside its .hea, or a database's folder")
      ->required();
  command->add_option("TEST", scored.test, "Annotation file to score, or a folder; default: REFERENCE");
  command->add_option("--reference", scored.reference_annotator, "In folders: extension of the reference")
      ->type_name("ANNOTATOR")
      ->capture_default_str();
  command->add_option("--test", scored.test_annotator, "In folders: extension of what is scored")
      ->type_name("ANNOTATOR")
      ->capture_default_str();
  as_list(command->add_option("--records", scored.records,
                              "In folders: only these, as 100,103; default: RECORDS"));
  command->add_option("--start", scored.start, "Seconds at the beginning that are not scored")
      ->check(CLI::Range(0.0, 1e9))
      ->check(io::refuse_nan)
      ->capture_default_str();
  command->add_option("--window", scored.window, "Seconds that matching beats may be apart")
      ->check(CLI::Range(0.0, 10.0))
      ->check(io::refuse_nan)
      ->capture_default_str();
  command
      ->add_option(
          "--classes", scored.classes,
          "Class of escape beats (e, j, n): S as the standard has it, or N as in de Chazal's classes")
      ->check(CLI::IsMember(io::beat_mapping_names))
      ->capture_default_str();
  command->add_flag("--json", scored.as_json, "Print one JSON object");
  command->callback([options, &run] { run = [options] { return score(*options); }; });
}

}  // namespace

std::variant<CommandLine, int> parse_command_line(int argc, char** argv) {
  CLI::App app{"Shows, downloads, checks, converts and generates recordings; scores annotations."};
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  secdata info data/mitdb/100\n"
      "  secdata dump data/mitdb/100 --from 10 --to 20 > beat.csv\n"
      "  secdata verify data/mitdb\n"
      "  secdata convert data/mitdb/100 100.edf\n"
      "  secdata fetch mitdb\n"
      "  secdata synth data/synthetic --minutes 5\n"
      "  secdata score data/mitdb out --records 100,103\n"
      "Exit status: 0 done, 1 failed, 2 wrong usage.");
  CommandLine command;
  app.add_option("--threads", command.threads, "Threads to use; 0: one per core")->check(CLI::Range(0, 1024));
  add_info(app, command.run);
  add_dump(app, command.run);
  add_verify(app, command.run);
  add_convert(app, command.run);
  add_fetch(app, command.run);
  add_synth(app, command.run);
  add_score(app, command.run);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return usage_error(app, error, "secdata");
  }
  return command;
}

}  // namespace sec::tools
