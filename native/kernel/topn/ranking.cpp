// The part of top-N that decides scores and ties. It is compiled once, without fused multiply-adds,
// so that every machine computes the same bits.
#include "kernel/topn/ranking.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <vector>

namespace gigstream {

namespace {

constexpr float NOTHING = -std::numeric_limits<float>::infinity();
constexpr float LOWEST = std::numeric_limits<float>::lowest();

struct Found {
    double score;  // without the row's shift, which moves no two columns against each other
    int32_t column;
    bool exact;
};

double dot(const float* a, const float* b, int width) {
    double sums[4] = {};
    int k = 0;
    for (; k + 4 <= width; k += 4)
        for (int lane = 0; lane < 4; lane++) sums[lane] += double(a[k + lane]) * b[k + lane];
    for (; k < width; k++) sums[0] += double(a[k]) * b[k];
    return (sums[0] + sums[2]) + (sums[1] + sums[3]);
}

// Iterates over the marked columns of a row. Columns must be queried in ascending order.
struct Walk {
    const int32_t *at = nullptr, *end = nullptr;
    void begin(const Marked& marked, int64_t row) {
        at = end = nullptr;
        if (!marked.indptr) return;
        at = marked.column + marked.indptr[row];
        end = marked.column + marked.indptr[row + 1];
    }
    bool meets(int64_t column) {
        while (at != end && *at < column) at++;
        return at != end && *at == column;
    }
};

}  // namespace

struct TopN::State {
    const Ranking* ranking;
    int64_t row;
    std::vector<Found> found;
    size_t full;
    Walk excluded, added;

    const float* vector() const { return ranking->rows + row * ranking->width; }

    void fetch(int64_t column) const {
        const float* vector = ranking->cols + column * ranking->width;
        for (int k = 0; k < ranking->width; k += 16) __builtin_prefetch(vector + k);
    }

    void rescore(Found& one) const {
        const float* column = ranking->cols + int64_t(one.column) * ranking->width;
        one.score = ranking->bias[one.column] + dot(vector(), column, ranking->width);
        one.exact = true;
    }

    float published(const Found& one) const { return float(one.score + ranking->shift[row]); }

    // Drop what cannot be among the n best: scores are wrong by at most `error`, hence the margin.
    float prune() {
        size_t n = size_t(ranking->n);
        if (found.size() < n) return LOWEST;
        auto nth = found.begin() + (n - 1);
        std::nth_element(found.begin(), nth, found.end(),
                         [](const Found& a, const Found& b) { return a.score > b.score; });
        float floor = below(nth->score);
        auto out = [floor](const Found& one) { return one.score < floor; };
        found.erase(std::remove_if(found.begin(), found.end(), out), found.end());
        return floor;
    }

    // Keep the n best by exact score. Inexact scores below the new floor cannot displace them.
    float settle() {
        for (Found& one : found)
            if (!one.exact) rescore(one);
        size_t n = std::min(found.size(), size_t(ranking->n));
        auto better = [this](const Found& a, const Found& b) {
            float one = published(a), other = published(b);
            return one != other ? one > other : a.column < b.column;
        };
        std::partial_sort(found.begin(), found.begin() + n, found.end(), better);
        found.resize(n);
        return n < size_t(ranking->n) ? LOWEST : float(found.back().score - ranking->error[row]);
    }

    // A panel's maximum may belong to a marked column, so panels with one do not count.
    void forget(const Marked& marked, float* best, int panels, int width) const {
        if (!marked.indptr) return;
        for (int64_t k = marked.indptr[row]; k < marked.indptr[row + 1]; k++)
            if (marked.column[k] / width < panels) best[marked.column[k] / width] = NOTHING;
    }

    float below(double score) const { return float(score - 2.0 * ranking->error[row]); }

    void add_special() {
        const Marked& additions = ranking->additions;
        if (!additions.indptr) return;
        Walk walk;
        walk.begin(ranking->excluded, row);
        int64_t entry = additions.indptr[row], end = additions.indptr[row + 1];
        while (entry < end) {
            Found one{0, additions.column[entry], true};
            double added = 0;
            for (; entry < end && additions.column[entry] == one.column; entry++)
                added += additions.values[entry];
            if (walk.meets(one.column)) continue;
            rescore(one);
            one.score += added;
            found.push_back(one);
        }
    }
};

TopN::TopN() : floor(NOTHING), state(new State()) {}
TopN::~TopN() { delete state; }

void TopN::begin(const Ranking* ranking, int64_t row) {
    state->ranking = ranking;
    state->row = row;
    state->found.clear();
    state->full = size_t(std::max(4 * ranking->n, 32));
    state->excluded.begin(ranking->excluded, row);
    state->added.begin(ranking->additions, row);
    floor = LOWEST;
}

int TopN::sample(int64_t panels) const {
    constexpr int SHARE = 10, ENOUGH = 2, MOST = 4;
    int64_t wanted = std::max(panels / SHARE, int64_t(ENOUGH) * state->ranking->n);
    return wanted <= panels / MOST ? int(wanted) : 0;
}

float TopN::begin_above(float* best, int panels, int width) {
    state->forget(state->ranking->excluded, best, panels, width);
    state->forget(state->ranking->additions, best, panels, width);
    float* nth = best + state->ranking->n - 1;
    std::nth_element(best, nth, best + panels, std::greater<float>());
    floor = std::max(LOWEST, state->below(*nth));
    return floor;
}

void TopN::push(float rough, int64_t column) {
    if (state->excluded.meets(column) || state->added.meets(column)) return;
    state->found.push_back({double(rough), int32_t(column), false});
    state->fetch(column);
    if (state->found.size() < state->full) return;
    floor = std::max(floor, state->prune());
    // Thousands of ties within the error margin: only exact scores can prune them.
    if (2 * state->found.size() > state->full) floor = std::max(floor, state->settle());
}

void TopN::finish() {
    const Ranking& ranking = *state->ranking;
    state->prune();
    state->add_special();
    state->settle();
    int32_t* cols = ranking.best_cols + state->row * ranking.n;
    float* scores = ranking.best_scores + state->row * ranking.n;
    for (size_t rank = 0; rank < size_t(ranking.n); rank++) {
        bool there = rank < state->found.size();
        cols[rank] = there ? state->found[rank].column : -1;
        scores[rank] =
            there ? state->published(state->found[rank]) : std::numeric_limits<float>::quiet_NaN();
    }
}

namespace {

struct Packed {
    std::vector<float> cols, bias;
    Panels panels;

    Packed(const Ranking& ranking, int panel) {
        panels.count = (ranking.columns + panel - 1) / panel;
        cols.resize(size_t(panels.count) * ranking.width * panel);
        bias.assign(size_t(panels.count) * panel, NOTHING);
        std::copy(ranking.bias, ranking.bias + ranking.columns, bias.begin());
        panels.cols = cols.data();
        panels.bias = bias.data();
#pragma omp parallel for num_threads(ranking.threads) schedule(static)
        for (int64_t p = 0; p < panels.count; p++) fill(ranking, p, panel);
    }

    void fill(const Ranking& ranking, int64_t p, int panel) {
        float* to = cols.data() + size_t(p) * ranking.width * panel;
        int64_t first = p * panel, last = std::min(first + panel, ranking.columns);
        for (int64_t column = first; column < last; column++)
            for (int k = 0; k < ranking.width; k++)
                to[size_t(k) * panel + (column - first)] = ranking.cols[column * ranking.width + k];
    }
};

}  // namespace

void rank(const Sifter& sifter, const Ranking& ranking) {
    Packed packed(ranking, sifter.panel);
    int64_t groups = (ranking.count + GROUP - 1) / GROUP;
#pragma omp parallel num_threads(ranking.threads)
    {
        std::unique_ptr<TopN[]> best(new TopN[GROUP]);
#pragma omp for schedule(dynamic, 1)
        for (int64_t group = 0; group < groups; group++) {
            int64_t first = group * GROUP;
            int count = int(std::min<int64_t>(GROUP, ranking.count - first));
            for (int q = 0; q < count; q++) best[q].begin(&ranking, first + q);
            sifter.sift(ranking.rows + first * ranking.width, count, ranking.width, packed.panels,
                        best.get());
            for (int q = 0; q < count; q++) best[q].finish();
        }
    }
}

}  // namespace gigstream
