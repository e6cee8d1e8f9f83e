/* Reads frames of a recording as text, one per line, from standard input, and prints the class of each beat.
   example MODEL RATE */
#include <sec.h>
#include <stdio.h>
#include <stdlib.h>

static int fail(const char* what) {
  fprintf(stderr, "%s: %s\n", what, sec_last_error());
  return 1;
}

static void print_beats(const sec_model* model, sec_session* stream, double rate) {
  sec_beat beat;
  while (sec_session_take(stream, 1, &beat, NULL) == 1) {
    printf("%.3f %s\n", (double)beat.sample / rate, sec_class_name(model, beat.label));
  }
}

int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: example MODEL RATE < frames\n");
    return 2;
  }
  const double rate = atof(argv[2]);
  sec_model* model = sec_load(argv[1], "cpu");
  if (model == NULL) {
    return fail("sec_load");
  }
  const int leads = sec_lead_count(model);
  float* frame = calloc((size_t)leads, sizeof *frame);
  sec_session* stream = sec_session_open(model, rate, 2.0);
  if (stream == NULL) {
    return fail("sec_session_open");
  }
  for (;;) {
    int read = 0;
    while (read < leads && scanf(read == 0 ? " %f" : " ,%f", &frame[read]) == 1) {
      ++read;
    }
    if (read < leads) {
      break;
    }
    if (sec_session_push(stream, 1, frame) != 0) {
      return fail("sec_session_push");
    }
    print_beats(model, stream, rate);
  }
  if (sec_session_finish(stream) != 0) {
    return fail("sec_session_finish");
  }
  print_beats(model, stream, rate);
  sec_session_free(stream);
  sec_free(model);
  free(frame);
  return 0;
}
