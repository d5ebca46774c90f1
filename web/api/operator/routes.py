"""All routes for operators: those that read, and those that need the token."""

from web.api.operator import dead_letters, generations, ids, overview, sources, stream

READERS = (
    overview.status,
    overview.check,
    overview.settings,
    overview.store,
    overview.ids,
    overview.erasures,
    overview.audit,
    generations.generations,
    generations.compare,
    sources.sources,
    dead_letters.dead_letters,
    dead_letters.dead_letter,
    stream.partitions,
    stream.tail,
    stream.event,
    stream.events_of_bill,
)
WRITERS = (
    generations.rollback,
    generations.accept,
    generations.pin,
    generations.unpin,
    generations.refit,
    sources.quarantine,
    sources.retract,
    sources.release,
    ids.merge,
    ids.unmerge,
    ids.hide,
    ids.show,
    ids.erase,
    dead_letters.replay,
)
