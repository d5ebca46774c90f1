// One record of plain JSON, as the event contract has it (docs/contract/events.md).
#pragma once
#include <cstdint>
#include <string>

namespace gigstream {

// Zero bytes that must be readable behind a record: every scan ends in them at the latest.
constexpr int PADDING = 32;
// No time lies outside of the years 1 to 9999.
constexpr int64_t MIN_MS = -62'135'596'800'000, MAX_MS = 253'402'300'799'999;

// Characters within the record, or constants; `at` null: not said.
struct Text {
    const char* at = nullptr;
    int32_t size = 0;
    bool ascii = true;
};

struct Number {
    bool said = false;
    int64_t value = 0;
};

// What a record says. Times are milliseconds since 1970; `venue` and `artist` are canonical JSON.
struct Statement {
    Text event_id, artist_id, venue_id, source, status, artist_name, venue_name;
    Number time, version, starts_at;
    bool has_venue = false, has_artist = false;
    std::string venue, artist;

    // Reads a record. False: not plain enough, let the Python decoder judge; nothing here holds
    // then. `clock_ms` is what `time` is held against, `end` points at PADDING zeros.
    bool read(const char* at, const char* end, int64_t clock_ms);
};

}  // namespace gigstream
