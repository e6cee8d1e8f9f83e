#include "tools/secinfer/options.h"

#include <CLI/CLI.hpp>
#include <string>

#include "io/files/option_number.h"
#include "tools/usage_error.h"

namespace sec::tools {
namespace {

// A list in one argument, as MLII,V1, so that the record after it is not taken for a part of it.
CLI::Option* as_list(CLI::Option* option) {
  return option->delimiter(',')->expected(1)->take_all()->allow_extra_args(false);
}

void declare(CLI::App& app, Options& o) {
  app.description(
      "Finds the beats of recordings, of any length, and classifies them with a network trained by "
      "sectrain.\n"
      "Prints beats by hour and runs of V and S beats, or with --json a line a beat; --out writes "
      "annotations, --report a page.");
  app.footer(
      "Examples:\n"
      "  secinfer --model pretrained:mitdb data/mitdb/100\n"
      "  secinfer --model runs/inter data/mitdb/100\n"
      "  secinfer --model runs/inter --out annotations data/mitdb/100 data/mitdb/103     writes 100.sec, "
      "103.sec\n"
      "  secinfer --model runs/inter --annotations atr --json data/mitdb/100             beats as annotated\n"
      "  secinfer --model runs/inter --out annotations --format edf night.edf            writes "
      "night.sec.edf\n"
      "  secinfer --model runs/inter --report night.html --rr night.csv night.edf         a Holter report\n"
      "  monitor | secinfer --model runs/inter --live --rate 360 --leads MLII,V5 -       while it goes on\n"
      "Exit status: 0 done, 1 failed, 2 wrong usage.");
  const char* what = "What to do";
  app.add_option("RECORD", o.records,
                 "WFDB records, as data/mitdb/100, or files whose extension says their format: .edf, .csv, "
                 ".tsv, .npy, .txt; '-' with --live")
      ->required()
      ->group(what);
  app.add_option(
         "--model", o.model,
         "Run folder of sectrain, its best.safetensors, or pretrained:NAME, a model that\ncomes with the program")
      ->required()
      ->type_name("PATH")
      ->group(what);
  app.add_option("--annotations", o.annotations,
                 "Classify the beats of this annotation file beside the record instead of looking for beats")
      ->type_name("EXTENSION")
      ->group(what);
  as_list(app.add_option(
              "--leads", o.leads,
              "Leads to read as those of the recipe's data.leads, in that order; II#2: the second lead II"))
      ->type_name("NAME,...")
      ->group(what);
  as_list(app.add_option("--qrs-leads", o.qrs_leads,
                         "Leads in which beats are looked for; by default the first one read"))
      ->type_name("NAME,...")
      ->group(what);
  app.add_option("--out", o.out, "Folder to write annotation files to, made if it does not exist")
      ->type_name("DIR")
      ->group(what);
  app.add_option("--annotator", o.annotator, "Extension of these files")
      ->check([](const std::string& text) {
        const bool plain = !text.empty() && text.find_first_of("./\\") == std::string::npos;
        for (const char* taken : {"hea", "dat", "edf", "csv", "tsv", "npy", "json"}) {
          if (text == taken) {
            return std::string("that is the extension of recordings");
          }
        }
        return plain ? std::string() : std::string("expected letters, without dots and slashes");
      })
      ->capture_default_str()
      ->group(what);
  app.add_option("--format", o.format, "Of these files; edf: EDF+, as DIR/RECORD.ANNOTATOR.edf")
      ->check(CLI::IsMember({"wfdb", "edf"}))
      ->capture_default_str()
      ->group(what);
  app.add_option(
         "--report", o.report,
         "Holter report of one recording to write, an HTML page: rates, pauses, ectopic beats and runs by\n"
         "hour, with strips of the signal")
      ->type_name("FILE")
      ->group(what);
  app.add_option("--rr", o.rr, "Table of one recording's RR intervals to write, as CSV")
      ->type_name("FILE")
      ->group(what);
  app.add_option(
         "--nn", o.nn,
         "Table of the NN intervals to write, as CSV: those of normal beats without ectopic neighbours")
      ->type_name("FILE")
      ->group(what);
  app.add_flag("--identify", o.identify,
               "Let the report name the recording and its date; else it names no one")
      ->group(what);
  app.add_flag("--overwrite", o.overwrite, "Replace files that exist")->group(what);
  app.add_flag("!--no-verify", o.verify,
               "Read recordings without comparing them with the checksums in their headers first")
      ->group(what);
  const char* live = "From a pipe";
  app.add_flag("--live", o.live, "Read frames from standard input and answer as beats come")->group(live);
  app.add_option("--rate", o.rate, "Frames a second, Hz")
      ->check(CLI::Range(50.0, 10000.0))
      ->check(io::refuse_nan)
      ->group(live);
  app.add_option("--input", o.input, "csv: a line a frame, in mV; i16, f32: little-endian frames")
      ->check(CLI::IsMember({"csv", "i16", "f32"}))
      ->capture_default_str()
      ->group(live);
  app.add_option("--gain", o.gain, "Units per mV of i16 input")
      ->check(CLI::Range(1e-6, 1e9))
      ->check(io::refuse_nan)
      ->capture_default_str()
      ->group(live);
  app.add_option("--wait", o.wait, "Seconds after a beat to wait for the next one before answering")
      ->check(CLI::Range(0.5, 60.0))
      ->check(io::refuse_nan)
      ->capture_default_str()
      ->group(live);
  const char* how = "How to run";
  app.add_option("--device", o.device, "Where to compute; auto: cuda where there is a GPU, else cpu")
      ->check(CLI::IsMember({"auto", "cpu", "cuda", "simt"}))
      ->capture_default_str()
      ->group(how);
  app.add_option("--precision", o.precision,
                 "Arithmetic of the network; auto: tf32 on cuda, else f32. tf32: convolutions\n"
                 "on tensor cores, operands rounded to 10 bits of mantissa; bf16: layers hand\n"
                 "on bf16. Both on cuda and simt")
      ->check(CLI::IsMember({"auto", "f32", "tf32", "bf16"}))
      ->capture_default_str()
      ->group(how);
  app.add_option("--tiles", o.tiles,
                 "How convolutions are cut into blocks, as bench_tiles measured it on this device: on cuda\n"
                 "and simt; other shapes, and all without it, by a built-in rule")
      ->group(how);
  app.add_option("--threads", o.threads, "Compute threads; 0: one per core. Results do not depend on it")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str()
      ->group(how);
  app.add_flag("--eager", o.eager,
               "Run every batch kernel by kernel, not as a recording: for profilers; results stay the same")
      ->group(how);
  const char* show = "What to show";
  app.add_flag("--json", o.json,
               "A JSON object a line: for each beat record, sample, time_s, label and logits")
      ->group(show);
  app.add_flag("--summary", o.summary,
               "With --json, one object a record: beats by hour, and runs; with --live, "
               "only at the end")
      ->group(show);
  app.add_flag("--quiet", o.quiet, "No progress, only results, warnings and errors")->group(show);
  app.set_version_flag("--version", "secinfer " SEC_VERSION, "Print version and commit, and stop")
      ->group(show);
}

}  // namespace

std::optional<int> parse_command_line(int argc, char** argv, Options& options) {
  CLI::App app;
  declare(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return usage_error(app, error, "secinfer");
  }
  return std::nullopt;
}

}  // namespace sec::tools
