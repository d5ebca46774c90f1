// Conjugate gradients on single rows in whitened coordinates.
//
// A row with columns k, confidences c_k and the other side's whitened vectors y_k minimises
//     sum_k [c_k (1 - y_k.z)^2 - (y_k.z)^2]  +  |z|^2,
// that is, solves (I + sum_k (c_k - 1) y_k y_k') z = sum_k c_k y_k. Hu, Koren and Volinsky (2008)
// separate the cells without plays in the same way; whitening turns their Gram matrix into I.
#pragma once
#include "kernel/als/pairs_gathered.hpp"
#include "kernel/simd/products.hpp"

namespace {

constexpr int LOCKSTEP = 4;               // rows solved side by side, to hide latencies
constexpr int GULP = 16;                  // rows gathered before the first pass uses them
constexpr size_t HELD_FLOATS = 1 << 21;  // a longer row is gathered in every pass
constexpr float TINY = 1e-37f;            // guards divisions by a squared length of 0
constexpr float HIGH_CONFIDENCE = 100;              // above this confidence three steps may not converge
constexpr float SOLVED = 1e-8f;           // relative squared residual at which it is recomputed
constexpr float EXACT = 1e-12f;           // squared residual relative to the squared solution: converged

// The vectors and residual of a row.
template <int F>
struct Member {
    static constexpr int N = F / VL;
    Vec z[N], residual[N], direction[N], image[N];
    Vec scale[N];  // where rows have a lambda each: see enter_own
    int64_t begin;
    int length;
    float* held;  // its gathered vectors
    float squared, first;  // residual now and where conjugate gradients began
    float value;           // the objective's part
};

// Cells is Floats or Pairs.
template <int F, class Cells>
struct RowSolver {
    static constexpr int N = F / VL;
    typedef ::Member<F> Member;
    const Half& half;
    float* buffer;  // HELD_FLOATS, and four vectors more per row in lock step
    Cells cells{half};

    static INLINE size_t floats(int length) { return size_t(to_four(length)) * Cells::FLOATS; }
    static INLINE bool holds(int length) { return floats(length) <= HELD_FLOATS; }

    // One pass over a row that gathers its vectors; those of a held row stay in `held`.
    template <bool FIRST>
    float gathering_pass(Member& m, const Vec* p, Vec* total) const {
        bool holding = holds(m.length);
        float value = 0;
        for (int k = 0; k < m.length; k += GULP) {
            int count = m.length - k < GULP ? m.length - k : GULP;
            float* y = m.held + (holding ? floats(k) : 0);
            cells.gather(m.begin + k, count, half.more ? m.scale : nullptr, y);
            const float* c = half.rows.confidence + m.begin + k;
            value += Cells::template pass<FIRST>(y, to_four(count), c, p, total);
        }
        return value;
    }

    // A row whose lambda is `more` above the least has D = I + more * diag(shrink) in place of I. In
    // coordinates sqrt(D) z, with y_k / sqrt(D) for y_k, its equations have the usual form.
    INLINE void own_scale(int64_t row, Vec* scale) const {
        for (int v = 0; v < N; v++)
            for (int lane = 0; lane < VL; lane++)
                scale[v][lane] =
                    1 / __builtin_sqrtf(1 + half.more[row] * half.shrink[VL * v + lane]);
    }

    INLINE void enter_own(int64_t row, Member& m) const {
        own_scale(row, m.scale);
        for (int v = 0; v < N; v++) m.z[v] /= m.scale[v];
    }

    INLINE void leave_own(int64_t row, Vec* z, const Vec* scale) const {
        Vec total = {};
        for (int v = 0; v < N; v++) {
            z[v] *= scale[v];
            total += z[v] * z[v] * load(half.shrink + VL * v);
        }
        half.squared[row] = sum(folded(total));
    }

    INLINE void begin(Member& m) const {
        for (int v = 0; v < N; v++) m.residual[v] = -m.z[v];
        m.value = dot<N>(m.z, m.z) + gathering_pass<true>(m, m.z, m.residual);
        for (int v = 0; v < N; v++) m.direction[v] = Cells::usable(m.residual[v]);
        m.first = m.squared = dot<N>(m.residual, m.residual);
    }

    INLINE void apply(Member& m) const {
        for (int v = 0; v < N; v++) m.image[v] = m.direction[v];
        if (holds(m.length))
            Cells::template pass<false>(m.held, to_four(m.length),
                                        half.rows.confidence + m.begin, m.direction, m.image);
        else
            gathering_pass<false>(m, m.direction, m.image);
    }

    // Line search: z += pace * p with pace = p.r / p.Ap, which lowers the objective by pace * p.r.
    INLINE void descend(Member& m) const {
        float curvature = dot<N>(m.direction, m.image), slope = dot<N>(m.direction, m.residual);
        float pace = slope / (curvature > TINY ? curvature : TINY);
        m.value -= pace * slope;
        for (int v = 0; v < N; v++) {
            m.z[v] += m.direction[v] * pace;
            m.residual[v] -= m.image[v] * pace;
        }
        float left = dot<N>(m.residual, m.residual);
        float turn = left / (m.squared > TINY ? m.squared : TINY);
        for (int v = 0; v < N; v++) m.direction[v] = Cells::usable(m.residual[v] + m.direction[v] * turn);
        m.squared = left;
        // The recurrence accumulates rounding errors of the size of the confidences. Recompute the
        // residual from z once it is small, and restart from it.
        if (left <= SOLVED * m.first) begin(m);
    }

    // Extra steps for a row with a confidence above HIGH_CONFIDENCE, until it converges.
    void persist(Member& m) const {
        float largest = 0;
        for (int k = 0; k < m.length; k++) {
            float c = half.rows.confidence[m.begin + k];
            if (c > largest) largest = c;
        }
        if (largest <= HIGH_CONFIDENCE) return;
        for (int step = 0; step < half.further && m.squared > EXACT * dot<N>(m.z, m.z); step++)
            apply(m), descend(m);
    }

    // Solves rows first .. first + count - 1 from the starts in z, in place. Returns their objective.
    double solve(int64_t first, int count, float* z) const {
        Member members[LOCKSTEP];
        double value = 0;
        float* held = buffer;
        for (int q = 0; q < count; q++) {
            Member& m = members[q];
            m.begin = half.rows.indptr[first + q];
            m.length = half.rows.indptr[first + q + 1] - int32_t(m.begin);
            m.held = held;
            held += holds(m.length) ? floats(m.length) : 0;
            for (int v = 0; v < N; v++) m.z[v] = load(z + size_t(q) * F + VL * v);
            if (half.more) enter_own(first + q, m);
            begin(m);
        }
        for (int step = 0; step < half.steps; step++) {
            for (int q = 0; q < count; q++) apply(members[q]);
            for (int q = 0; q < count; q++) descend(members[q]);
        }
        for (int q = 0; q < count; q++) {
            Member& m = members[q];
            if (half.further) persist(m);
            value += m.value;
            if (half.more) leave_own(first + q, m.z, m.scale);
            for (int v = 0; v < N; v++) store(z + size_t(q) * F + VL * v, m.z[v]);
        }
        return value;
    }

    // Rows solved in lock step. Rows are sorted by length, so the first of a group is its longest.
    static int together(int length) { return length <= 24 ? 4 : length <= 64 ? 2 : 1; }
};

}  // namespace
