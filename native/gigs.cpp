#include "gigs.hpp"

#include <atomic>
#include <exception>
#include <stdexcept>
#include <thread>

namespace gigstream {

namespace {

constexpr int64_t BLOCK = 4096, AHEAD = 32, ALONE = 1 << 14;
constexpr int CROWD = 32;
constexpr uint32_t PLACES = 1u << 29;

uint64_t both(int32_t one, int32_t other) { return uint64_t(uint32_t(one)) << 32 | uint32_t(other); }

}  // namespace

void Names::hear(int32_t row, Chars name, int64_t time_ms) {
    if (size_t(row) >= said_.size()) said_.resize(std::max(size_t(row) + 1, said_.size() * 3 / 2));
    Said& said = said_[size_t(row)];
    Chars held{said.name.data(), said.name.size()};
    if (said.known && (time_ms < said.time_ms || (time_ms == said.time_ms && name.compared(held) <= 0)))
        return;
    if (!(held == name)) said.name.assign(name.at, name.size);
    said.time_ms = time_ms;
    said.known = true;
}

int32_t Visits::row_of(const Pile<Gig>& gigs, int32_t at) const { return gigs[size_t(at)].*row_; }

void Visits::catch_up(const Pile<Gig>& gigs) {
    size_t waiting = gigs.size() - size_t(chained_) + links_.size();
    if (waiting > 1000 && waiting > listed_.size() / 4) return list(gigs);
    for (; size_t(chained_) < gigs.size(); chained_++) chain(chained_, row_of(gigs, chained_));
}

void Visits::list(const Pile<Gig>& gigs) {
    begin_.clear();
    begin_.cover(2, 0);
    for (const Gig& gig : gigs) {
        size_t row = size_t(gig.*row_);
        begin_.cover(row + 3, 0);
        begin_[row + 2]++;
    }
    for (size_t row = 2; row < begin_.size(); row++) begin_[row] += begin_[row - 1];
    listed_.clear();
    listed_.more(gigs.size());
    for (size_t at = 0; at < gigs.size(); at++)
        listed_[size_t(begin_[size_t(gigs[at].*row_) + 1]++)] = int32_t(at);
    begin_.cut(begin_.size() - 1);
    head_.clear();
    links_.clear();
    chained_ = int32_t(gigs.size());
}

// Numbering ids goes ahead of settling, in a thread of its own where there is enough of it.
class Gigs::Reading {
public:
    Reading(Gigs& gigs, const Statements& said) : gigs_(gigs), said_(said) {
        gigs.rows_.artist.clear();
        gigs.rows_.venue.clear();
        gigs.rows_.artist.more(size_t(said.rows));
        gigs.rows_.venue.more(size_t(said.rows));
        if (said.rows >= ALONE) thread_ = std::thread([this] { run(); });
    }
    ~Reading() {
        if (thread_.joinable()) thread_.join();
    }
    void wait(int64_t end) {
        if (!thread_.joinable() && done_ < said_.rows) run();
        while (done_.load(std::memory_order_acquire) < end) std::this_thread::yield();
        if (failed_) std::rethrow_exception(failed_);
    }

private:
    void run() {
        try {
            for (int64_t row = 0; row < said_.rows; row += BLOCK) {
                int64_t end = std::min(row + BLOCK, said_.rows);
                gigs_.number(said_, row, end);
                done_.store(end, std::memory_order_release);
            }
        } catch (...) {
            failed_ = std::current_exception();
            done_.store(said_.rows, std::memory_order_release);
        }
    }

    Gigs& gigs_;
    const Statements& said_;
    std::exception_ptr failed_;
    std::atomic<int64_t> done_{0};
    std::thread thread_;
};

void Gigs::settle(const Statements& said) {
    Reading reading(*this, said);
    uint32_t tags[AHEAD], here = 0;
    int32_t sources[AHEAD], bills[BLOCK], topic = -1, partition = 0;
    uint32_t places[BLOCK];
    Chars last_source, last_topic;
    int32_t source = -1;
    for (int64_t block = 0; block < said.rows; block += BLOCK) {
        int64_t block_end = std::min(block + BLOCK, said.rows);
        for (int64_t begin = block; begin < block_end; begin += AHEAD) {
            int64_t end = std::min(begin + AHEAD, block_end);
            for (int64_t row = begin; row < end; row++) {
                Chars from = said.source[row];
                if (source < 0 || !(from == last_source)) source = sources_.add(last_source = from);
                sources[row - begin] = source;
                tags[row - begin] = tag(said.event[row], source);
                slots_.prefetch(tags[row - begin]);
            }
            for (int64_t row = begin; row < end; row++)
                bills[row - block] = bill(said.event[row], sources[row - begin], tags[row - begin]);
        }
        for (int64_t row = block; row < block_end; row++) {
            if (is_deleted(said, row)) continue;
            bool moved = said.partition[row] != partition;
            if (topic < 0 || !(said.topic[row] == last_topic)) {
                topic = topics_.add(last_topic = said.topic[row]);
                moved = true;
            }
            if (moved) here = place(topic, partition = said.partition[row]);
            places[row - block] = here;
        }
        reading.wait(block_end);
        for (int64_t row = block; row < block_end; row++) {
            int32_t number = bills[row - block];
            if (is_deleted(said, row))
                strike(number);
            else
                take(said, row, number, places[row - block]);
        }
    }
}

void Gigs::number(const Statements& said, int64_t begin, int64_t end) {
    uint32_t artist_tags[AHEAD], venue_tags[AHEAD];
    for (; begin < end; begin += AHEAD) {
        int64_t stop = std::min(begin + AHEAD, end);
        for (int64_t row = begin; row < stop; row++) {
            artists_.prefetch(artist_tags[row - begin] = artists_.tag(said.artist[row]));
            venues_.prefetch(venue_tags[row - begin] = venues_.tag(said.venue[row]));
        }
        for (int64_t row = begin; row < stop; row++) {
            if (is_deleted(said, row)) continue;
            int64_t time_ms = said.time_us[row] / 1000;
            int32_t artist = artists_.add(said.artist[row], artist_tags[row - begin]);
            int32_t venue = venues_.add(said.venue[row], venue_tags[row - begin]);
            rows_.artist[size_t(row)] = artist;
            rows_.venue[size_t(row)] = venue;
            if (!said.artist_name.nothing && said.artist_name.said[row])
                artist_names_.hear(artist, said.artist_name[row], time_ms);
            if (!said.venue_name.nothing && said.venue_name.said[row])
                venue_names_.hear(venue, said.venue_name[row], time_ms);
        }
    }
}

int32_t Gigs::bill(Chars event, int32_t source, uint32_t tag) {
    int32_t row = slots_.find(tag, [&](int32_t at) {
        return bills_[size_t(at)].source == source && events_[at] == event;
    });
    if (row >= 0) return row;
    if (bills_.size() == INT32_MAX) throw std::length_error("more than 2147483647 bills");
    row = int32_t(bills_.size());
    events_.add(event);
    bills_.push({source, -1});
    slots_.add(tag, row);
    return row;
}

uint32_t Gigs::place(int32_t topic, int32_t partition) {
    auto found = place_rows_.emplace(both(topic, partition), uint32_t(places_.size()));
    if (!found.second) return found.first->second;
    if (places_.size() == PLACES) throw std::length_error("more than 536870912 partitions");
    places_.push_back({topic, partition});
    return found.first->second;
}

void Gigs::take(const Statements& said, int64_t row, int32_t number, uint32_t place) {
    Gig gig;
    gig.version = said.version.said[row] ? said.version[row] : -1;
    gig.time = said.time_us[row] / 1000;
    gig.recorded = said.recorded_us[row] / 1000;
    gig.offset = said.offset[row];
    gig.digest = said.digest[row];
    gig.at_ms = said.starts_us.said[row] ? said.starts_us[row] / 1000 : gig.time;
    gig.artist = rows_.artist[size_t(row)];
    gig.venue = rows_.venue[size_t(row)];
    gig.bill = number;
    gig.place = place;
    gig.cancelled = said.status[row] == CANCELLED;
    gig.deleted = bills_[size_t(number)].deleted;
    gig.shared = !shared_.empty() && shared_.count(gig.artist);
    newest_ms = std::max(newest_ms, gig.time);
    artist_side.cover(gig.artist);
    venue_side.cover(gig.venue);
    int32_t at = find(bills_[size_t(number)], number, gig.artist);
    if (at < 0)
        add(gig);
    else if (compared(gig, gigs_[size_t(at)]) > 0)
        replace(at, gig);
}

int32_t Gigs::find(const Bill& bill, int32_t number, int32_t artist) {
    if (bill.crowded) {
        auto found = crowd_.find(both(number, artist));
        return found == crowd_.end() ? -1 : found->second;
    }
    int seen = 0;
    for (int32_t at = bill.head; at >= 0; at = next_[size_t(at)], seen++)
        if (gigs_[size_t(at)].artist == artist) return at;
    if (seen >= CROWD) {
        bills_[size_t(number)].crowded = true;
        for (int32_t at = bill.head; at >= 0; at = next_[size_t(at)])
            crowd_.emplace(both(number, gigs_[size_t(at)].artist), at);
    }
    return -1;
}

void Gigs::add(const Gig& gig) {
    if (gigs_.size() == INT32_MAX) throw std::length_error("more than 2147483647 gigs");
    Bill& bill = bills_[size_t(gig.bill)];
    int32_t at = int32_t(gigs_.size());
    if (gig.shared) each_rival(gig, [&](const Gig& rival) { tally(rival, -1); });
    gigs_.push(gig);
    next_.push(bill.head);
    bill.head = at;
    if (bill.crowded) crowd_.emplace(both(gig.bill, gig.artist), at);
    if (gig.shared)
        each_rival(gig, [&](const Gig& rival) { tally(rival, 1), mark(rival); });
    else if (counts(gig))
        tally(gig, 1), mark(gig);
}

void Gigs::replace(int32_t at, const Gig& gig) {
    Gig& held = gigs_[size_t(at)];
    bool contested = gig.shared, was = counts(held);
    bool moved = held.venue != gig.venue || held.at_ms != gig.at_ms;
    if (contested)
        each_rival(held, [&](const Gig& rival) { tally(rival, -1), mark(rival); });
    else if (was && (gig.cancelled || moved))
        mark(held);
    if (!contested) tally(held, -1);
    if (held.venue != gig.venue) venue_side.visits.moved(at, gig.venue);
    held = gig;
    if (contested)
        each_rival(held, [&](const Gig& rival) { tally(rival, 1), mark(rival); });
    else if (counts(held) && (!was || moved))
        mark(held);
    if (!contested) tally(held, 1);
}

void Gigs::strike(int32_t number) {
    Bill& bill = bills_[size_t(number)];
    if (bill.deleted) return;
    for (int32_t at = bill.head; at >= 0; at = next_[size_t(at)]) {
        const Gig& gig = gigs_[size_t(at)];
        if (!counts(gig)) continue;
        tally(gig, -1);
        mark(gig);
    }
    bill.deleted = true;
    for (int32_t at = bill.head; at >= 0; at = next_[size_t(at)]) gigs_[size_t(at)].deleted = 1;
}

// Counts a gig, or takes it back, where it is a play.
void Gigs::tally(const Gig& gig, int by) {
    if (!counts(gig)) return;
    int32_t& of_artist = artist_side.plays[size_t(gig.artist)];
    int32_t& of_venue = venue_side.plays[size_t(gig.venue)];
    of_artist += by;
    of_venue += by;
    turns += of_artist == (by > 0) || of_venue == (by > 0);
    play_count += by;
    if (!noted_) return;
    changes_.push({gig.artist, gig.venue, by});
    if (int64_t(changes_.size()) > play_count / 2 + 100'000) forget_changes();
}

bool Gigs::take_changes(Pile<int32_t>& artist, Pile<int32_t>& venue, Pile<int32_t>& by) {
    for (const Change& change : changes_) {
        artist.push(change.artist);
        venue.push(change.venue);
        by.push(change.by);
    }
    changes_.clear();
    return std::exchange(noted_, true);
}

void Gigs::forget_changes() {
    Pile<Change>().swap(changes_);
    noted_ = false;
}

int Gigs::compared(const Gig& one, const Gig& other) const {
    auto order = [](int64_t a, int64_t b) { return a < b ? -1 : a > b; };
    int found = order(one.version, other.version);
    if (!found) found = order(one.time, other.time);
    if (!found) found = order(one.recorded, other.recorded);
    if (!found && one.place != other.place) {
        Place a = places_[one.place], b = places_[other.place];
        if (a.topic != b.topic) found = topics_[a.topic].compared(topics_[b.topic]);
        if (!found) found = order(a.partition, b.partition);
    }
    if (!found) found = order(one.offset, other.offset);
    if (!found) found = order(one.digest, other.digest);
    return found;
}

bool Gigs::is_same(const Gig& one, const Gig& other) const {
    if (!other.shared) return false;
    return shared_.at(one.artist) == shared_.at(other.artist);
}

// Whether a greater statement was made of the same artist under another id.
bool Gigs::is_outdone(const Gig& gig) const {
    for (int32_t at = bills_[size_t(gig.bill)].head; at >= 0; at = next_[size_t(at)]) {
        const Gig& rival = gigs_[size_t(at)];
        if (rival.artist == gig.artist || !is_same(gig, rival)) continue;
        int order = compared(rival, gig);
        if (order > 0 || (order == 0 && &rival > &gig)) return true;
    }
    return false;
}

// Itself, where it is there, and what was said of the same artist under other ids.
template <class Take>
void Gigs::each_rival(const Gig& gig, Take take) {
    Gig asked = gig;
    for (int32_t at = bills_[size_t(asked.bill)].head; at >= 0; at = next_[size_t(at)])
        if (is_same(asked, gigs_[size_t(at)])) take(gigs_[size_t(at)]);
}

void Gigs::share(const int32_t* rows, const int32_t* targets, size_t count) {
    forget_changes();
    shared_.clear();
    for (size_t i = 0; i < count; i++) shared_.emplace(rows[i], targets[i]);
    for (Gig& gig : gigs_) gig.shared = !shared_.empty() && shared_.count(gig.artist);
    for (Side* side : {&artist_side, &venue_side})
        for (int32_t& plays : side->plays) plays = 0;
    play_count = 0;
    turns++;
    for (const Gig& gig : gigs_) tally(gig, 1);
}

void Gigs::mark_near(const int32_t* artists, size_t artist_count, const int32_t* venues,
                     size_t venue_count) {
    auto near = [&](int32_t at) {
        Gig& gig = gigs_[size_t(at)];
        mark(gig);
        if (gig.shared) each_rival(gig, [&](const Gig& rival) { mark(rival); });
    };
    for (size_t i = 0; i < artist_count; i++) artist_side.visits.each(gigs_, artists[i], near);
    for (size_t i = 0; i < venue_count; i++) venue_side.visits.each(gigs_, venues[i], near);
}

void Gigs::plays(Plays& out) const {
    int32_t* artist = out.artist.more(size_t(play_count));
    int32_t* venue = out.venue.more(size_t(play_count));
    int64_t* at_ms = out.at_ms.more(size_t(play_count));
    for (const Gig& gig : gigs_) {
        if (!counts(gig)) continue;
        *artist++ = gig.artist;
        *venue++ = gig.venue;
        *at_ms++ = gig.at_ms;
    }
}

int64_t Gigs::outdone() const {
    int64_t count = 0;
    for (const Gig& gig : gigs_) count += gig.shared && is_outdone(gig);
    return count;
}

size_t Gigs::room_bytes() const {
    return slots_.room_bytes() + events_.room_bytes() + bills_.room_bytes() + gigs_.room_bytes() +
           next_.room_bytes() + artist_side.visits.room_bytes() + venue_side.visits.room_bytes() +
           artists_.room_bytes() + venues_.room_bytes() + rows_.artist.room_bytes() * 2;
}

}  // namespace gigstream
