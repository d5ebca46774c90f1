// Exact top-N of rows * cols' + bias: a float32 product sifts, float64 decides.
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
    const float* error;  // count: no float32 score of the row is further off than this
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

// Both sides rounded to bytes (bytes.hpp): a score is about
//     row's scale * column's scale * (start + sum of byte * byte) + bias.
// A processor multiplies bytes with a sign by bytes without: columns have SHIFT added to theirs,
// and `start` is -SHIFT times the sum of a row's. Four bytes of a column are multiplied and added
// in one lane, so the width is a multiple of that, and they lie beside those of the next column.
constexpr int SHIFT = 128, LANE_BYTES = 4, BYTE_PANEL = 32;

struct ByteGroup {
    const int8_t* rows;  // count x width
    const float* scale;
    const int32_t* start;
    int count;
};

struct BytePanels {
    const uint8_t* cols;  // panels x width / LANE_BYTES x BYTE_PANEL x LANE_BYTES
    const float *scale, *bias;  // panels x BYTE_PANEL; biases beyond the last are -infinity
    int64_t count;
    int width;
};

// What one row has found so far. Columns are offered in ascending order; kept are all that could
// still be among the n best.
class Keeper {
public:
    float floor;  // float32 scores below this are out
    Keeper();
    ~Keeper();
    Keeper(const Keeper&) = delete;
    void begin(const Ranking* ranking, int64_t row);
    // Of how many of the panels the best scores are worth a look before all others; 0: of none.
    int sample(int64_t panels) const;
    // `best` holds the best score of each of the first panels. Returns the floor that follows.
    float begin_above(float* best, int panels, int width);
    void offer(float rough, int64_t column);
    void finish();

private:
    struct State;
    State* state;
};

constexpr int GROUP = 96;  // rows that share a panel in cache: a multiple of every kernel's tile

struct Kernel;
void rank(const Kernel& kernel, const Ranking& ranking);

}  // namespace gigstream
