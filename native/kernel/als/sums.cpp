#include "kernel/als/sums.hpp"

#include <memory>
#include <mutex>
#include <vector>

namespace gigstream {

struct OrderedSums::State {
    struct Part {
        std::unique_ptr<float[]> gram;
        double value;
    };
    std::mutex mutex;
    std::vector<Part> parts;
    int64_t next = 0;
    int width;
    double* gram;
    double value = 0;
};

OrderedSums::OrderedSums(int64_t stripes, int width, double* gram) : state(new State) {
    state->parts.resize(stripes);
    state->width = width;
    state->gram = gram;
    for (int64_t i = 0; i < int64_t(width) * width; i++) gram[i] = 0;
}

OrderedSums::~OrderedSums() { delete state; }

void OrderedSums::add(int64_t stripe, const float* upper_gram, double value) {
    int64_t cells = int64_t(state->width) * state->width;
    std::unique_ptr<float[]> copy(new float[cells]);
    for (int64_t i = 0; i < cells; i++) copy[i] = upper_gram[i];
    std::lock_guard<std::mutex> lock(state->mutex);
    state->parts[stripe] = {std::move(copy), value};
    int64_t& next = state->next;
    for (; next < int64_t(state->parts.size()) && state->parts[next].gram; next++) {
        State::Part& part = state->parts[next];
        for (int64_t i = 0; i < cells; i++) state->gram[i] += part.gram[i];
        state->value += part.value;
        part.gram.reset();
    }
}

double OrderedSums::finish() {
    int width = state->width;
    for (int i = 0; i < width; i++)
        for (int j = 0; j < i; j++) state->gram[i * width + j] = state->gram[j * width + i];
    return state->value;
}

}  // namespace gigstream
