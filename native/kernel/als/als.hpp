// Interface of a kernel. Compiled once per instruction set: see kernel.cpp.
#pragma once
#include <cstdint>

#include "kernel/topn/ranking.hpp"

namespace gigstream {

// A sparse matrix by rows. `confidence` is readable for three floats past its end.
struct Rows {
    const int32_t* indptr;
    const int32_t* column;
    const float* confidence;
    int64_t count;
};

// Rows [first, last): the unit of work of a thread.
struct Stripe {
    int64_t first, last;
};

// One half-step: solves every row's whitened vector with the other side fixed.
struct Half {
    Rows rows;
    const Stripe* stripes;
    int64_t stripe_count;
    const void* fixed;    // the other side, whitened: float32, or bf16 packed in pairs
    bool packed;          // which of the two
    const float* start;   // rows x width: where conjugate gradients begin, after ...
    const float* change;  // width x width: ... this change of coordinates
    const float* more;    // rows: each one's lambda less the least; null where all are the least
    const float* shrink;  // width, with `more`: |x|^2 = sum of shrink times squared coordinates
    float* squared;       // rows, with `more`: |x|^2
    float* out;           // rows x width
    double* gram;         // width x width: out' out
    int width, steps, threads;
    int further;          // most extra steps for rows with a large confidence
    int few;              // rows of up to this many cells are solved by the dual; at most 16
};

// out = rows * change, in one of three forms.
struct Product {
    const float* rows;
    int64_t count;
    const float* change;
    float* plain;          // count x width, or null
    uint16_t* packed;      // count x width bf16, or null
    float* scattered;      // row r goes to scattered[order[r]], `factors` floats each, or null
    const int32_t* order;
    int width, factors, threads;
};

// Solves every row's exact vector with the other side fixed.
struct Exact {
    Rows rows;
    const float* fixed;     // columns x width: the other side
    const double* gram;     // width x width: fixed' fixed
    const double* penalty;  // lambda of row r at penalty[penalty_step * r]
    int64_t penalty_step;   // 0 where all rows have the same ...
    const double* upper;    // ... and then width x width: U = L^-T, gram + lambda I = L L'; or null
    const double* inverse;  // width x width: U U'; or null
    float* out;             // rows x width
    int width, threads;
};

struct Kernel {
    const char* name;
    double (*solve)(const Half&);  // returns the change of the objective against all x = 0
    void (*multiply)(const Product&);
    void (*gram)(const float* rows, int64_t count, int width, const Stripe*, int64_t stripes,
                 int threads, double* out);
    Sifter topn;
    void (*solve_exactly)(const Exact&);
};

const Kernel* kernel_portable();
#ifdef GIGSTREAM_X86
const Kernel* kernel_v3();
const Kernel* kernel_v4();
const Kernel* kernel_bf16();
#endif

}  // namespace gigstream
