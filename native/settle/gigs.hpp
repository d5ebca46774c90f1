// Settling in compiled code: every gig ever stated, its greatest statement, and who has plays.
// The rule is docs/contract/events.md's; words as in trainer/plays/interactions.py.
#pragma once
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "settle/arrow.hpp"
#include "settle/interner.hpp"
#include "settle/visits.hpp"

namespace gigstream {

// Event rows as columns.
struct Statements {
    int64_t rows = 0;
    int64_t first = 0;  // how many rows are settled before these in the same call
    NumbersOf<int32_t> partition;
    NumbersOf<int64_t> offset, recorded_us, digest, time_us, version, starts_us;
    TextsOf topic, source, event, artist, venue, status, artist_name, venue_name;

    // Whether artists and venues are quickly numbered.
    bool coded() const { return artist.codes && venue.codes; }
};

// The newest name that was said of each row; of two said at once, the greater.
class Names {
public:
    void hear(int32_t row, Chars name, int64_t time_ms);
    bool known(int64_t row) const {
        return row >= 0 && row < int64_t(said_.size()) && said_[size_t(row)].known;
    }
    const std::string& operator[](int64_t row) const { return said_[size_t(row)].name; }
    int64_t time_ms(int64_t row) const { return said_[size_t(row)].time_ms; }
    int64_t size() const { return int64_t(said_.size()); }

private:
    struct Said {
        int64_t time_ms = 0;
        bool known = false;
        std::string name;
    };
    std::vector<Said> said_;
};

// A gig and its greatest statement: one cache line.
struct Gig {
    int64_t version, time, recorded, offset, digest, at_ms;
    int32_t artist, venue, bill;
    uint32_t place : 29;  // topic and partition
    uint32_t cancelled : 1;
    uint32_t deleted : 1;  // with its bill
    uint32_t shared : 1;   // its artist is one with others by a merge
};
static_assert(sizeof(Gig) == 64, "one cache line");

// All artists, or all venues, as far as gigs tell.
class Side {
public:
    explicit Side(int32_t Gig::* row) : visits(row) {}

    struct Row {
        int32_t plays;  // merges left aside
        bool marked;
    };

    // Counts, where one cache line holds both, are looked up before they are asked for.
    void expect(int32_t row) {
        rows.cover(size_t(row) + 1, Row{0, false});
        __builtin_prefetch(&rows[size_t(row)], 1);
    }
    void mark(int32_t row) {
        if (rows[size_t(row)].marked) return;
        rows[size_t(row)].marked = true;
        touched_.push(row);
    }
    // The marked rows, and forgets the marks.
    GrowableArray<int32_t> taken() {
        for (int32_t row : touched_) rows[size_t(row)].marked = false;
        return std::move(touched_);
    }

    GrowableArray<Row> rows;
    Visits visits;

private:
    GrowableArray<int32_t> touched_;
};

struct Plays {
    GrowableArray<int32_t> artist, venue;
    GrowableArray<int64_t> at_ms;
};

struct Newest {
    int64_t within_ms = INT64_MIN;
    int64_t ahead = 0;
    bool any() const { return within_ms != INT64_MIN; }
};

struct Counts {
    GrowableArray<int32_t> indptr, venue, plays;
};

// What a process leaves to the next: gigs as they lie in memory, and what they point at.
struct Saved {
    const Gig* gigs;
    size_t gig_count;
    const int32_t* bill_source;
    const uint8_t* bill_deleted;
    size_t bill_count;
    const char* chars;      // of event ids, one behind the other
    const int64_t* ends;    // by bill: where its event id ends
    const int32_t* places;  // topic and partition, in turn
    size_t place_count;
    std::vector<Chars> topics, sources;
};

class Gigs {
public:
    Gigs(Interner& artists, Interner& venues, Names& artist_names, Names& venue_names, int bits)
        : artists_(artists), venues_(venues), artist_names_(artist_names),
          venue_names_(venue_names), hash_(bits), artist_side(&Gig::artist),
          venue_side(&Gig::venue) {}

    // Makes room for `rows` statements that are about to be settled.
    void expect(size_t rows);
    // Rows touched are marked in both sides.
    void settle(std::vector<Statements>& parts);
    // Bills, topics, sources and gigs as they were in another one, whose artists and venues these
    // have. Merges are left aside. False: they do not fit together.
    bool restore(const Saved& saved);
    // Which artists are one by merges: rows and what they count as.
    void share(const int32_t* rows, const int32_t* targets, size_t count);
    // Marks all who are on a gig of one of these, and all on gigs that these decide on.
    void mark_affected_by(const int32_t* artists, size_t artist_count, const int32_t* venues,
                   size_t venue_count);
    // Number of plays as a sparse matrix of `rows` rows; what merges make of it is left aside.
    void count(int64_t rows, int threads, Counts& out) const;
    // All plays; rows as they were stated.
    void plays(Plays& out) const;
    // The plays among the gigs from this number on, in the order of their first statements.
    void plays_since(size_t gig, Plays& out) const;
    // The source of each play, in the order of `plays`.
    void play_sources(GrowableArray<int32_t>& out) const;
    // The plays of one row of a side.
    template <class Take>
    void visit(Side& side, int32_t row, Take take) {
        side.visits.each(gigs_, row, [&](int32_t at) {
            if (counts(gigs_[size_t(at)])) take(gigs_[size_t(at)]);
        });
    }

    // Venue and time of plays added, taken back or moved since the last call; false: too many to
    // be noted.
    bool take_nights(GrowableArray<int32_t>& venue, GrowableArray<int64_t>& at_ms);
    // Plays added (1) and taken back (-1) since the last call; false: not all of them are known.
    bool take_changes(GrowableArray<int32_t>& artist, GrowableArray<int32_t>& venue, GrowableArray<int32_t>& by);

    int64_t size() const { return int64_t(gigs_.size()); }
    int64_t superseded() const;
    // The newest time of the statements that count, up to `latest_ms`; later ones are only counted.
    Newest newest(int64_t latest_ms) const;
    // Deleted bills without any gig.
    int64_t unmatched() const;

    const GrowableArray<Gig>& gigs() const { return gigs_; }
    const Joined& events() const { return events_; }
    const Interner& topics() const { return topics_; }
    const Interner& sources() const { return sources_; }
    void bills(GrowableArray<int32_t>& source, GrowableArray<uint8_t>& deleted) const;
    void places(GrowableArray<int32_t>& out) const;

    int64_t play_count = 0;
    int64_t turns = 0;  // how often a row came to have plays, or lost its last one

private:
    struct Bill {
        int32_t head = -1;
        bool deleted = false, crowded = false;
    };
    struct Place {
        int32_t topic, partition;
    };
    struct Change {
        int32_t artist, venue, by;
    };
    struct Night {
        int32_t venue;
        int64_t at_ms;
    };
    // What can be known of a statement without looking at any other gig.
    struct Prepared {
        int32_t artist, venue, source, bill;
        uint32_t tag;
        bool deletes, cancels;
    };
    class Numbering;
    class Preparing;

    uint32_t tag(Chars event, int32_t source) const { return hash_(event, uint64_t(source) + 1); }
    int32_t bill(Chars event, int32_t source, uint32_t tag);
    uint32_t place(int32_t topic, int32_t partition);
    void prepare(const Statements& said, Numbering& artists, Numbering& venues, int64_t begin,
                 int64_t end);
    void number_bills(const Statements& said, int64_t begin, int64_t end);
    void settle_block(const Statements& said, int64_t begin, int64_t end);
    void take(const Statements& said, int64_t row, uint32_t place);
    int32_t find(const Bill& bill, int32_t number, int32_t artist);
    void add(const Gig& gig);
    void replace(int32_t at, const Gig& gig);
    void delete_event(int32_t bill);
    int compared(const Gig& one, const Gig& other) const;
    bool is_same(const Gig& one, const Gig& other) const;
    bool is_superseded(const Gig& gig) const;
    bool counts(const Gig& gig) const {
        return !gig.cancelled && !gig.deleted && !(gig.shared && is_superseded(gig));
    }
    bool fits(const Saved& saved) const;
    void adjust_counts(const Gig& gig, int by);
    void forget_changes();
    void mark(const Gig& gig) {
        artist_side.mark(gig.artist);
        venue_side.mark(gig.venue);
        if (nights_.size() <= MOST_NIGHTS) nights_.push({gig.venue, gig.at_ms});
    }
    template <class Take>
    void each_same_gig(const Gig& gig, Take take);
    Prepared& prepared(const Statements& said, int64_t row) {
        return prepared_[size_t(said.first + row) % RING];
    }

    static constexpr size_t RING = size_t(1) << 15, MOST_NIGHTS = 100'000;
    static constexpr int64_t BLOCK = 4096, AHEAD = 32, ALONE = 1 << 14;

    Interner &artists_, &venues_, topics_, sources_;
    Names &artist_names_, &venue_names_;
    Hash hash_;
    // Bills as they are numbered, which may be ahead of how they are settled.
    HashIndex slots_;
    Joined events_;  // event ids by bill
    GrowableArray<int32_t> bill_source_;

    GrowableArray<Bill> bills_;
    GrowableArray<Gig> gigs_;
    GrowableArray<int32_t> next_;  // by gig: another one of its bill
    std::unordered_map<uint64_t, int32_t> crowd_;  // gigs of bills with many: by bill and artist
    std::vector<Place> places_;
    std::unordered_map<uint64_t, uint32_t> place_rows_;
    std::unordered_map<int32_t, int32_t> shared_;  // what a merged artist counts as
    GrowableArray<Change> changes_;
    bool noted_ = false;  // whether changes are
    GrowableArray<Night> nights_;
    GrowableArray<Prepared> prepared_;  // of the statements under way, in a ring

public:
    Side artist_side, venue_side;
};

}  // namespace gigstream
