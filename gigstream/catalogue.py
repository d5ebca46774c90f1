"""The catalogue: every command, its section, its line of help and an example."""

# In the order of the docs: what a newcomer needs first.
SECTIONS = {
    "First steps": {
        "demo": (
            "Run real gigs through Kafka, store, ALS and Redis here, then time live ones.",
            "gigstream demo --keep",
        ),
        "up": (
            "Run an embedded broker, Redis, consumer, trainer and HTTP API until Ctrl-C.",
            "gigstream up",
        ),
        "import": (
            "Send files of gigs to Kafka; again, it changes nothing.",
            "gigstream import gigs.csv --dry-run",
        ),
        "validate": (
            "Judge records of the event contract (JSON Lines) without a broker.",
            "gigstream validate events.jsonl",
        ),
    },
    "Lists": {
        "artist": (
            "Venues for an artist, best first.",
            "gigstream artist --name 'first light'",
        ),
        "venue": (
            "Artists for a venue, best first.",
            "gigstream venue v-17 --json",
        ),
        "similar": (
            "List artists similar to an artist, or venues to a venue, best first.",
            "gigstream similar venue v-17",
        ),
    },
    "Running": {
        "consume": ("Store events from Kafka, until SIGTERM.", "gigstream consume"),
        "train": (
            "Keep the lists in Redis up to date with the store, until SIGTERM.",
            "gigstream train --standby",
        ),
        "serve": (
            "Answer lists, filters, what-if questions and events over HTTP, until SIGTERM.",
            "gigstream serve",
        ),
        "status": (
            "Show counts of the store, lag behind Kafka and the live generation.",
            "gigstream status --json",
        ),
        "check": (
            "Check settings, servers, store, dead letters, generations and solver.",
            "gigstream check kafka redis",
        ),
    },
    "Quality and models": {
        "evaluate": (
            "Measure the quality of the live score and of baselines on a file of gigs.",
            "gigstream evaluate gigs.csv",
        ),
        "tune": (
            "Search the settings of the fit on past gigs, and write a recipe file.",
            "gigstream tune gigs.csv --seconds 600",
        ),
        "export": (
            "Write the live model as a joblib file, and the ids of its rows.",
            "gigstream export model.joblib",
        ),
    },
    "Generations": {
        "generations": ("List what was published, newest first.", "gigstream generations --json"),
        "rollback": (
            "Publish an earlier generation's model again under a new number, and pin it.",
            "gigstream rollback 41",
        ),
        "accept": (
            "Publish a generation that was held until a person has looked.",
            "gigstream accept 42",
        ),
        "pin": ("Keep the live model: no refit replaces it.", "gigstream pin"),
        "unpin": ("Let refits replace the pinned model again.", "gigstream unpin"),
    },
    "Corrections": {
        "dead-letters": (
            "Records that broke the event contract: list, show, replay.",
            "gigstream dead-letters replay --field venue_id --dry-run",
        ),
        "source": (
            "Booking systems: list them, quarantine one, release it again.",
            "gigstream source quarantine box --since 2026-11-01",
        ),
        "retract": (
            "Take back an import, or what a source has sent: its statements stop counting.",
            "gigstream retract --source import:gigs",
        ),
        "merge": (
            "Count all plays of one id, past and future, as another one's.",
            "gigstream merge artist a-1 into a-2",
        ),
        "unmerge": (
            "End the merge of an id: its plays count as its own again.",
            "gigstream unmerge artist a-1",
        ),
        "hide": (
            "Never recommend an id, such as a venue that is closed.",
            "gigstream hide venue v-17",
        ),
        "show": ("Recommend a hidden id again.", "gigstream show venue v-17"),
        "erase": (
            "Remove an id from the store, the models and Redis for good.",
            "gigstream erase artist a-1",
        ),
    },
    "Audit": {
        "audit": (
            "List what operators have done, by command, API or console, newest first.",
            "gigstream audit -n 50",
        ),
        "verify": (
            "Compare store with topic, and live lists with recomputed ones.",
            "gigstream verify",
        ),
        "rebuild": (
            "Make a second store from the topic, and compare it with the first.",
            "gigstream rebuild --to second-store",
        ),
        "store": (
            "The interaction store: check it, count what it holds, compact it.",
            "gigstream store stats",
        ),
    },
}
"""Commands by section: the line of each in `gigstream --help`, and an example of its use."""

MODULES = {
    "import": "imports",
    "consume": "processes",
    "train": "processes",
    "artist": "lists",
    "venue": "lists",
    "dead-letters": "dead_letters",
    "unmerge": "merge",
    "hide": "visibility",
    "show": "visibility",
    "rollback": "generations",
    "accept": "generations",
    "pin": "generations",
    "unpin": "generations",
}
"""In `gigstream.commands`, of commands whose modules have other names."""
