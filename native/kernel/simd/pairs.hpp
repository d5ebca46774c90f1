// Pairs of bf16 numbers, a word each, for processors whose instruction multiplies two pairs and adds
// both products to a float32 sum: twice the flops of float32, of half the bytes. By an intrinsic:
// vector extensions know no such product.
#pragma once
#include "kernel/simd/vectors.hpp"

#ifdef __AVX512BF16__
#include <immintrin.h>
#endif

namespace {

// One word of `pack`'s: float l of a block of 32 in its lower half, float l + 16 in its upper half.
typedef uint32_t Pair;

template <class Number>
constexpr int floats_in = 1;
template <>
constexpr int floats_in<Pair> = 2;

INLINE Vec fused(Vec total, Vec a, Vec b) { return total + a * b; }
INLINE Vec fused(Vec total, Vec a, float b) { return total + a * b; }

INLINE Bits load(const Pair* from) { return *(const BitsAt*)from; }
INLINE void store(Pair* to, Bits value) { *(BitsAt*)to = value; }

// a's numbers in the words' lower halves, b's in their upper halves.
INLINE Bits paired(Vec a, Vec b) { return (rounded(a) >> 16) | (rounded(b) & 0xffff0000u); }
INLINE Vec lower(Bits words) { return (Vec)(words << 16); }
INLINE Vec upper(Bits words) { return (Vec)(words & 0xffff0000u); }
INLINE Vec rounded_off(Vec v) { return (Vec)(rounded(v) & 0xffff0000u); }

#ifdef __AVX512BF16__
INLINE Vec fused(Vec total, Bits a, Bits b) {
    return (Vec)_mm512_dpbf16_ps((__m512)total, (__m512bh)a, (__m512bh)b);
}
INLINE Vec fused(Vec total, Bits a, Pair b) { return fused(total, a, Bits{} + b); }
#endif

}  // namespace
