// Rows of few cells, each one exactly, by the dual of their equations.
//
// With Y the whitened vectors of a row's d cells (d x F), c its confidences and E = diag(c - 1),
// z = Y's turns (I + Y'E Y) z = Y'c into d equations, (I + E K) s = c, where K = Y Y'. Their leading
// minors are those of I + Y'E Y with fewer cells, hence positive for every c >= 0, so that
// elimination needs no pivots. Every lane of a vector eliminates one row's equations.
#pragma once
#include "kernel/als/row_solver.hpp"

namespace {

constexpr int SHORT = 16;  // the most cells of such a row

// All of a batch, by cell, a lane for each row. Cells that a row lacks are zeros, and stay so.
struct Equations {
    Vec left[SHORT][SHORT], right[SHORT];

    void clear(int cells) {
        for (int i = 0; i < cells; i++) {
            right[i] = Vec{};
            for (int j = 0; j < cells; j++) left[i][j] = Vec{};
        }
    }

    // right'K right: what the elimination multiplies once more gives the fall of the objective.
    void image(int cells, Vec* out) const {
        for (int i = 0; i < cells; i++) {
            out[i] = left[i][0] * right[0];
            for (int j = 1; j < cells; j++) out[i] += left[i][j] * right[j];
        }
    }

    void scale(int cells) {
        for (int i = 0; i < cells; i++) {
            Vec extra = right[i] - 1.f;
            for (int j = 0; j < cells; j++) left[i][j] *= extra;
            left[i][i] += 1.f;
        }
    }

    void eliminate(int cells) {
        for (int j = 0; j < cells; j++) {
            left[j][j] = 1.f / left[j][j];
            for (int i = j + 1; i < cells; i++) {
                Vec share = left[i][j] * left[j][j];
                for (int k = j + 1; k < cells; k++) left[i][k] -= share * left[j][k];
                right[i] -= share * right[j];
            }
        }
        for (int j = cells - 1; j >= 0; j--) {
            for (int k = j + 1; k < cells; k++) right[j] -= left[j][k] * right[k];
            right[j] *= left[j][j];
        }
    }
};

template <int F, class Cells>
INLINE void put_products(const float* y, int i, int j, int lane, Equations& to) {
    Vec t[2][4] = {};
#pragma GCC unroll 4
    for (int v = 0; v < F / floats_in<typename Cells::Number>; v += VL) {
        auto a = load(Cells::cell(y, i) + v), b = load(Cells::cell(y, i + 1) + v);
#pragma GCC unroll 4
        for (int q = 0; q < 4; q++) {
            auto other = load(Cells::cell(y, j + q) + v);
            t[0][q] = fused(t[0][q], a, other);
            t[1][q] = fused(t[1][q], b, other);
        }
    }
    for (int p = 0; p < 2; p++) {
        Quad found = sums(t[p][0], t[p][1], t[p][2], t[p][3]);
        for (int q = 0; q < 4; q++)
            to.left[i + p][j + q][lane] = to.left[j + q][i + p][lane] = found[q];
    }
}

// Rows first .. first + count - 1, at most VL of at most SHORT cells; their solutions go to z.
// Returns the change of the objective against z = 0.
template <int F, class Cells>
double solve_short(const RowSolver<F, Cells>& solver, int64_t first, int count, float* z) {
    const Rows& rows = solver.half.rows;
    int cells = to_four(rows.indptr[first + 1] - rows.indptr[first]);
    Equations equations;
    equations.clear(cells);
    Vec scale[F / VL];
    for (int lane = 0; lane < count; lane++) {
        int64_t begin = rows.indptr[first + lane];
        int length = rows.indptr[first + lane + 1] - int32_t(begin);
        float* y = solver.buffer + size_t(lane) * SHORT * F;
        if (solver.half.more) solver.own_scale(first + lane, scale);
        solver.cells.gather(begin, length, solver.half.more ? scale : nullptr, y);
        for (int k = 0; k < length; k++) equations.right[k][lane] = rows.confidence[begin + k];
        for (int i = 0; i < length; i += 2)
            for (int j = 0; j <= i; j += 4) put_products<F, Cells>(y, i, j, lane, equations);
    }
    Vec image[SHORT], fall = {};
    equations.image(cells, image);
    equations.scale(cells);
    equations.eliminate(cells);
    for (int k = 0; k < cells; k++) fall += image[k] * equations.right[k];
    for (int lane = 0; lane < count; lane++) {
        int length = rows.indptr[first + lane + 1] - rows.indptr[first + lane];
        const float* y = solver.buffer + size_t(lane) * SHORT * F;
        Vec total[F / VL] = {};
        for (int k = 0; k < length; k += 4, y += 4 * Cells::FLOATS) {
            Quad share;
            for (int q = 0; q < 4; q++) share[q] = equations.right[k + q][lane];
            Cells::add(y, share, total);
        }
        if (solver.half.more)
            solver.own_scale(first + lane, scale), solver.leave_own(first + lane, total, scale);
        for (int v = 0; v < F / VL; v++) store(z + size_t(lane) * F + VL * v, total[v]);
    }
    return -sum(folded(fall));
}

}  // namespace
