// Exact top-N of rows * cols' + bias: float32 products select candidates, float64 scores rank them.
#pragma once
#include <cstdint>

namespace gigstream {

// Ascending columns of each row, repeats allowed; `values` may be null.
struct Marked {
    const int64_t* indptr;  // null where no row has any
    const int32_t* column;
    const float* values;
};

struct Ranking {
    const float* rows;   // count x width
    const float* cols;   // columns x width
    const float* bias;   // columns
    const float* shift;  // count: added to every score of a row
    const float* error;  // count: bound on the error of the row's float32 scores
    int64_t count, columns;
    int width, n, threads;
    Marked excluded, additions;
    int32_t* best_cols;  // count x n, -1 where a row has fewer candidates
    float* best_scores;  // count x n, NaN there
};

// The columns as panels of equal width, with zeros and biases of -infinity beyond the last.
struct Panels {
    const float* cols;  // panels x width x panel
    const float* bias;  // panels x panel
    int64_t count;
};

// The best columns of one row so far. Columns are pushed in ascending order; all that could still
// be among the n best are kept.
class TopN {
public:
    float floor;  // float32 scores below this are rejected
    TopN();
    ~TopN();
    TopN(const TopN&) = delete;
    void begin(const Ranking* ranking, int64_t row);
    // The number of panels whose maxima should seed the floor; 0 where that does not pay.
    int sample(int64_t panels) const;
    // Seeds the floor from the best score of each of the first panels, and returns it.
    float begin_above(float* maxima, int panels, int width);
    void push(float rough, int64_t column);
    void finish();

private:
    struct State;
    State* state;
};

constexpr int GROUP = 96;  // rows that share a panel in cache: a multiple of every kernel's tile

// The dense part, compiled once per instruction set.
struct Sifter {
    // Pushes every column whose float32 score reaches its row's floor; `count` is at most GROUP.
    void (*sift)(const float* rows, int count, int width, const Panels&, TopN*);
    int panel;  // columns of a panel
};

void rank(const Sifter& sifter, const Ranking& ranking);

}  // namespace gigstream
