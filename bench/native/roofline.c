/*
 * What the machine can do: optimizer steps as one fused loop each, and the memory traffic of the same arrays.
 * Answers the line protocol of ../child.ts.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RATE 1e-3f
#define DECAY 0.01f
/* Up to here one thread is faster than waking others. */
#define ALONE 200000

static float *p, *m, *v, *g;
static long size;
static long count;
static char kind[32];

static void uniform(uint32_t seed, float *out) {
#pragma omp parallel for
  for (long i = 0; i < size; i++) {
    uint32_t h = (uint32_t)i ^ (seed * 0x9e3779b9u);
    h = (h ^ (h >> 16)) * 0x85ebca6bu;
    h = (h ^ (h >> 13)) * 0xc2b2ae35u;
    h ^= h >> 16;
    out[i] = (float)(h / 2147483648.0 - 1);
  }
}

/* x^(1/3) of x in [0, 1]: a guess from the bits, then two of Halley's steps; vectorizes where cbrtf does not. */
static inline float root(float x) {
  union { float f; uint32_t u; } guess = {x};
  guess.u = guess.u / 3 + 709921077u;
  float y = guess.f;
  for (int i = 0; i < 2; i++) {
    float cube = y * y * y;
    y = y * (cube + x + x) / (cube + cube + x);
  }
  return x == 0 ? 0 : y;
}

static void s3(void) {
  const float b = 0.95f, w = b * b;
#pragma omp parallel for simd if (parallel : size > ALONE)
  for (long i = 0; i < size; i++) {
    float gradient = g[i], magnitude = fabsf(gradient), old = v[i];
    float largest = fmaxf(old, magnitude);
    float M = largest == 0 ? 1 : largest, scale = 1 / M;
    old *= scale;
    magnitude *= scale;
    old = old * old * old;
    magnitude = magnitude * magnitude * magnitude;
    float n = (w * m[i] + (1 - w) * gradient) * scale;
    float d = root(w * old + (1 - w) * magnitude);
    m[i] = b * m[i] + (1 - b) * gradient;
    v[i] = M * root(b * old + (1 - b) * magnitude);
    float u = fminf(1, fmaxf(-1, n / (d == 0 ? 1 : d)));
    p[i] -= RATE * (u + DECAY * p[i]);
  }
}

static void adamw(void) {
  const float b1 = 0.9f, b2 = 0.999f;
  const float c1 = 1 / (1 - powf(b1, count)), c2 = 1 / (1 - powf(b2, count));
#pragma omp parallel for simd if (parallel : size > ALONE)
  for (long i = 0; i < size; i++) {
    float gradient = g[i];
    m[i] = b1 * m[i] + (1 - b1) * gradient;
    v[i] = b2 * v[i] + (1 - b2) * gradient * gradient;
    p[i] -= RATE * (m[i] * c1 / (sqrtf(v[i] * c2) + 1e-8f) + DECAY * p[i]);
  }
}

static void sgd(void) {
#pragma omp parallel for simd if (parallel : size > ALONE)
  for (long i = 0; i < size; i++) {
    m[i] = 0.9f * m[i] + g[i];
    p[i] -= RATE * m[i];
  }
}

/* Four arrays read and three written, with next to no arithmetic. */
static void traffic(void) {
#pragma omp parallel for simd if (parallel : size > ALONE)
  for (long i = 0; i < size; i++) {
    float gradient = g[i];
    m[i] += gradient;
    v[i] += gradient;
    p[i] += gradient;
  }
}

static void step(void) {
  count++;
  if (!strcmp(kind, "s3")) s3();
  else if (!strcmp(kind, "adamw")) adamw();
  else if (!strcmp(kind, "sgd")) sgd();
  else traffic();
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
  double d = *(const double *)a - *(const double *)b;
  return (d > 0) - (d < 0);
}

static double median(double milliseconds) {
  enum { MOST = 100000 };
  static double times[MOST];
  int calls = 0;
  for (double begin = now(); calls < MOST && (calls < 1 || now() - begin < milliseconds * 1e6); calls++) {
    double t = now();
    step();
    times[calls] = now() - t;
  }
  qsort(times, calls, sizeof *times, ascending);
  return times[calls / 2];
}

static void release(void) {
  free(p), free(m), free(v), free(g);
  p = m = v = g = NULL;
}

static float *array(void) { return aligned_alloc(64, (size * sizeof(float) + 63) / 64 * 64); }

static void prepare(void) {
  release();
  count = 0;
  p = array(), m = array(), v = array(), g = array();
  uniform(1, g);
  uniform(1001, p);
#pragma omp parallel for
  for (long i = 0; i < size; i++) m[i] = v[i] = 0;
  float *before = array();
  memcpy(before, p, size * sizeof(float));
  step();
  double change = 0;
  for (long i = 0; i < size; i++) change += fabs((double)p[i] - before[i]);
  free(before);
  if (!strcmp(kind, "traffic")) printf("{\"ready\":true}\n");
  else printf("{\"ready\":true,\"check\":%.9g}\n", change / size);
}

int main(int argc, char **argv) {
  char line[256];
  int streams = argc > 1 && !strcmp(argv[1], "traffic");
  while (fgets(line, sizeof line, stdin)) {
    double elements = 0, tensors = 0, milliseconds;
    if (sscanf(line, "prepare %31s elements=%lf tensors=%lf", kind, &elements, &tensors) == 3) {
      int known = !strcmp(kind, "s3") || !strcmp(kind, "adamw");
      size = (long)elements;
      if (tensors != 1) printf("{\"ready\":false,\"reason\":\"one array only\"}\n");
      else if (!known && (streams || strcmp(kind, "sgd"))) printf("{\"ready\":false,\"reason\":\"not written\"}\n");
      else {
        if (streams) strcpy(kind, "traffic");
        prepare();
      }
    } else if (!strncmp(line, "prepare", 7)) printf("{\"ready\":false,\"reason\":\"optimizer steps only\"}\n");
    else if (sscanf(line, "sample %lf", &milliseconds) == 1) printf("{\"median\":%.3f}\n", median(milliseconds));
    else {
      release();
      printf("{}\n");
    }
    fflush(stdout);
  }
  return 0;
}
