// The same as pairs of bf16 numbers, which a step multiplies with twice the flops of float32.
//
// A row's first residual is taken in float32: what the row ends at is no better than that. A step's
// direction is rounded to bf16, as a vector that is stepped along and as one that is multiplied with
// alike, so that the step is exact for the direction that it takes.
#pragma once
#include "kernel/als/floats_gathered.hpp"

#ifdef __AVX512BF16__
namespace {

static_assert(VL == 16, "a vector of pairs is a block of `pack`");

// Four numbers as two pairs.
INLINE void to_pairs(Quad numbers, Pair* to) {
    __m128bh halves = _mm_cvtneps_pbh((__m128)numbers);
    memcpy(to, &halves, 2 * sizeof(Pair));
    asm volatile("" : "+m"(*(Pair(*)[2])to));  // broadcasts from memory are loads
}

template <int F>
struct Pairs {
    typedef Pair Number;
    static constexpr int N = F / VL, FLOATS = F / 2;
    const Half& half;

    static INLINE const Pair* cell(const float* y, int k) {
        return (const Pair*)y + size_t(k) * FLOATS;
    }

    // As `Floats::gather`, where all rows have one lambda: scaled vectors would be rounded again.
    INLINE void gather(int64_t from, int count, const Vec*, float* to) const {
        Pair* y = (Pair*)to;
        for (int k = 0; k < count; k++, y += FLOATS) {
            prefetch<F * 2>(half, from + k);
            const Pair* words = (const Pair*)half.fixed;
            words += int64_t(half.rows.column[from + k]) * FLOATS;
#pragma GCC unroll 8
            for (int v = 0; v < FLOATS; v += VL) store(y + v, load(words + v));
        }
        memset(y, 0, size_t(to_four(count) - count) * FLOATS * sizeof(Pair));
    }

    template <bool FIRST>
    static INLINE float pass(const float* y, int count, const float* c, const Vec* p, Vec* total) {
        Quad value = {};
        Bits words[N / 2];
        Vec part[N];
#pragma GCC unroll 8
        for (int v = 0; v < N / 2; v++) words[v] = paired(p[2 * v], p[2 * v + 1]);
#pragma GCC unroll 16
        for (int v = 0; v < N; v++) part[v] = total[v];
        for (int k = 0; k < count; k += 4, y += 4 * FLOATS) {
            Quad scores = FIRST ? exact_products(y, p) : products(y, words);
            Quad weight = weights<FIRST>(scores, c + k, value);
            if (FIRST)
                add(y, weight, part);
            else
                add_rounded(y, weight, part);
        }
#pragma GCC unroll 16
        for (int v = 0; v < N; v++) total[v] = part[v];
        return sum(value);
    }

    // Of four cells.
    static INLINE Quad products(const float* y, const Bits* words) {
        Vec t[4] = {};
#pragma GCC unroll 8
        for (int v = 0; v < N / 2; v++)
#pragma GCC unroll 4
            for (int q = 0; q < 4; q++) t[q] = fused(t[q], load(cell(y, q) + VL * v), words[v]);
        return sums(t[0], t[1], t[2], t[3]);
    }

    static INLINE Quad exact_products(const float* y, const Vec* p) {
        Vec t[4] = {};
#pragma GCC unroll 8
        for (int v = 0; v < N / 2; v++)
#pragma GCC unroll 4
            for (int q = 0; q < 4; q++) {
                Bits numbers = load(cell(y, q) + VL * v);
                t[q] += lower(numbers) * p[2 * v];
                t[q] += upper(numbers) * p[2 * v + 1];
            }
        return sums(t[0], t[1], t[2], t[3]);
    }

    // total += weight_k y_k over four cells.
    static INLINE void add(const float* y, Quad weight, Vec* total) {
        float w[4];
        *(QuadAt*)w = weight;
        asm volatile("" : "+m"(w));  // broadcasts from memory are loads; from a register, shuffles
#pragma GCC unroll 8
        for (int v = 0; v < N / 2; v++)
#pragma GCC unroll 4
            for (int q = 0; q < 4; q++) {
                Bits numbers = load(cell(y, q) + VL * v);
                total[2 * v] += lower(numbers) * w[q];
                total[2 * v + 1] += upper(numbers) * w[q];
            }
    }

    // The same with weights rounded to bf16: two cells' numbers are crossed to pairs.
    static INLINE void add_rounded(const float* y, Quad weight, Vec* total) {
        Pair w[2];
        to_pairs(weight, w);
#pragma GCC unroll 8
        for (int v = 0; v < N / 2; v++)
#pragma GCC unroll 2
            for (int q = 0; q < 2; q++) {
                Bits a = load(cell(y, 2 * q) + VL * v), b = load(cell(y, 2 * q + 1) + VL * v);
                total[2 * v] = fused(total[2 * v], (a & 0xffff) | (b << 16), w[q]);
                total[2 * v + 1] = fused(total[2 * v + 1], (a >> 16) | (b & 0xffff0000u), w[q]);
            }
    }

    static INLINE Vec usable(Vec direction) { return rounded_off(direction); }
};

}  // namespace
#endif
