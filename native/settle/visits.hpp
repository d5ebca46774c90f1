// Which gigs a row has: a list by row of most, and chains of those that came since.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/growable_array.hpp"

namespace gigstream {

struct Gig;

class Visits {
public:
    explicit Visits(int32_t Gig::* row) : row_(row) {}

    // A gig has another row than before.
    void moved(int32_t at, int32_t row) {
        if (at < chained_) chain(at, row);
    }
    // Each gig whose row this is, once. Looks at those that came since the last call first.
    template <class Take>
    void each(const GrowableArray<Gig>& gigs, int32_t row, Take take) {
        catch_up(gigs);
        found_.clear();
        if (size_t(row) + 1 < begin_.size())
            for (int32_t k = begin_[size_t(row)]; k < begin_[size_t(row) + 1]; k++)
                found_.push(listed_[size_t(k)]);
        size_t listed = found_.size();
        if (size_t(row) < head_.size())
            for (int32_t k = head_[size_t(row)]; k >= 0; k = links_[size_t(k)].next)
                found_.push(links_[size_t(k)].gig);
        if (found_.size() > listed) {  // a gig that moved away and back stands there twice
            std::sort(found_.begin(), found_.end());
            found_.cut(size_t(std::unique(found_.begin(), found_.end()) - found_.begin()));
        }
        for (int32_t at : found_)
            if (row_of(gigs, at) == row) take(at);
    }

private:
    struct Link {
        int32_t gig, next;
    };

    int32_t row_of(const GrowableArray<Gig>& gigs, int32_t at) const;
    void catch_up(const GrowableArray<Gig>& gigs);
    void list(const GrowableArray<Gig>& gigs);
    void chain(int32_t at, int32_t row) {
        head_.cover(size_t(row) + 1, -1);
        links_.push({at, head_[size_t(row)]});
        head_[size_t(row)] = int32_t(links_.size()) - 1;
    }

    int32_t Gig::* row_;
    GrowableArray<int32_t> begin_, listed_;  // by row, where its gigs begin; gigs
    GrowableArray<int32_t> head_;            // by row: its latest link
    GrowableArray<Link> links_;
    int32_t chained_ = 0;  // gigs that are listed or chained
    GrowableArray<int32_t> found_;
};

}  // namespace gigstream
