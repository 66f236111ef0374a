"""table.py - which figure is held against which, and how that is shown."""
import dataclasses
import statistics


@dataclasses.dataclass
class Row:
    group: str
    title: str
    ours: str
    yard: str = None  # None: the target is absolute.
    figure: str = "per_s"
    least: float = None  # The ratio (or figure) must be at least this;
    most: float = None   # or at most this; neither: shown for scale.
    difference: bool = False  # Show ours - yardstick instead of a ratio.


ROWS = [
    Row("group", "Durable orders, one hot SKU, SQLite: group commit over batches of one, this disk",
        "grevy", "grevy, batches of one", least=2.5),
    Row("group", "the same, every sync 2 ms slower",
        "grevy, slow sync", "grevy, batches of one, slow sync", least=8),
    Row("bare", "the same over a bare C loop behind HTTP", "grevy", "bare loop, HTTP", least=0.55),
    Row("bare", "the same over a bare C loop without HTTP", "grevy", "bare loop"),
    Row("skus", "Hot SKU over 1,000 SKUs", "grevy", "grevy, 1,000 SKUs", least=0.9),
    Row("postgres", "Durable orders, one hot SKU, PostgreSQL, over a textbook client",
        "grevy, PostgreSQL", "textbook", least=8),
    Row("postgres", "the same over a textbook client that takes stock last",
        "grevy, PostgreSQL", "textbook, lock last"),
    Row("cpu", "CPU of GET /v1/products/{id} over nginx `return 200`", "grevy GET", "nginx",
        figure="cpu_us", most=2),
    Row("cpu", "CPU a suspended read costs over that GET", "grevy read", "grevy GET",
        figure="cpu_us", difference=True),
    Row("cpu", "CPU a refused command costs over that GET", "grevy refusal", "grevy GET",
        figure="cpu_us", difference=True),
    Row("rule", "A condition of three clauses on a prepared context, ns", "condition", figure="value",
        most=100),
    Row("rule", "the same: evaluations per second over the fastest CEL package of npm",
        "condition", "condition, npm", least=8),
    Row("schema", "A document of 2 kB read and validated by its schema, us", "document",
        figure="value"),
    Row("schema", "the same: documents per second over JSON.parse and Ajv's compiled validator",
        "document", "document, npm", least=4),
    Row("count", "Decision by three caps, ns, over three increments in a bare hash map",
        "three caps", "three increments", figure="value"),
    Row("count", "Decisions by three caps in Redis, 32 threads on one connection, over a blocking"
        " loop", "caps in Redis", "blocking hiredis"),
    Row("idle", "Idle memory, MiB", "idle memory", figure="value", most=32),
    Row("idle", "Start-up on an empty folder, ms to ready", "start-up", figure="value", most=300),
    Row("script", "Lua strategy with 6 inputs, all limits on, us a call", "Lua strategy",
        figure="value", most=2.5),
    Row("script", "the same over plain Lua without limits", "Lua strategy", "plain Lua",
        figure="value"),
    Row("table", "Decision by a table of 1,000 rows and 6 inputs, first hit, us", "table",
        figure="value", most=5),
    Row("table", "the same over a loop in C over the rows", "table", "loop", figure="value"),
    Row("documents", "Start with 10,000 documents in force, ms to ready", "10,000 documents",
        figure="value", most=1000),
    Row("documents", "one of them published anew: ms from the answer to decisions by it",
        "one more", figure="value", most=50),
    Row("seen", "Published by one process, decided by in another, PostgreSQL, ms, half the time",
        "seen, half the time", figure="value"),
    Row("seen", "the same, the slowest of 50", "seen, the slowest", figure="value", most=1000),
]
GROUPS = list(dict.fromkeys(row.group for row in ROWS))

# Which contestants a group needs.
CONTESTANTS = {
    "group": ["grevy_group", "grevy_one", "grevy_slow", "grevy_one_slow"],
    "bare": ["grevy_group", "bare_http", "bare_loop"],
    "skus": ["grevy_group", "grevy_many"],
    "postgres": ["grevy_pg", "textbook_first", "textbook_last"],
    "cpu": ["grevy_reads", "nginx"],
    "count": ["count_local", "count_redis"],
    "rule": ["rule"],
    "schema": ["schema"],
    "idle": ["idle"],
    "script": ["script"],
    "table": ["table"],
    "documents": ["documents"],
    "seen": ["documents_seen"],
}
# The order of a round: what is compared most closely runs one right after the other.
ORDER = ["idle", "count_local", "count_redis", "rule", "schema", "script", "table", "documents", "documents_seen",
         "bare_loop",
         "bare_http", "grevy_group", "grevy_many", "grevy_one", "grevy_slow", "grevy_one_slow", "grevy_pg",
         "textbook_first", "textbook_last", "grevy_reads", "nginx"]
UNITS = {"per_s": "/s", "cpu_us": " us", "value": ""}


def contestants(groups):
    wanted = {name for group in groups for name in CONTESTANTS[group]}
    return [name for name in ORDER if name in wanted]


def show(value, unit=""):
    if value is None:
        return "-"
    digits = 0 if value >= 1000 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f}{unit}"


def median(samples, field):
    values = [getattr(s, field) for s in samples if getattr(s, field) is not None]
    return statistics.median(values) if values else None


def compare(row, rounds):
    """The figure of a row: its median over the rounds that measured both sides, and its spread."""
    values = []
    for samples in rounds:
        if row.ours not in samples or (row.yard and row.yard not in samples):
            continue
        ours = getattr(samples[row.ours], row.figure)
        yard = getattr(samples[row.yard], row.figure) if row.yard else None
        if row.yard is None:
            values.append(ours)
        elif row.difference:
            values.append(ours - yard)
        elif yard:
            values.append(ours / yard)
    return (statistics.median(values), min(values), max(values)) if values else None


def verdict(row, figure):
    """The target in words, and whether the figure (median, low, high; or None) reaches it."""
    if row.least is None and row.most is None:
        return "", "for scale" if figure else "not measured"
    least = row.least is not None
    target = f">= {row.least:g}" if least else f"<= {row.most:g}"
    if not figure:
        return target, "not measured"
    met = figure[0] >= row.least if least else figure[0] <= row.most
    return target, "met" if met else "NOT MET"


def detail(name, rounds):
    """Medians of one contestant."""
    samples = [r[name] for r in rounds if name in r]
    if not samples:
        return None
    return {field: median(samples, field)
            for field in ("per_s", "cpu_us", "p50_us", "p95_us", "p99_us", "value")}


def results(groups, rounds):
    out = []
    for row in (r for r in ROWS if r.group in groups):
        figure = compare(row, rounds)
        target, met = verdict(row, figure)
        out.append({"group": row.group, "what": row.title, "ours": row.ours, "yardstick": row.yard,
                    "figure": row.figure, "difference": row.difference,
                    "median": figure and figure[0], "low": figure and figure[1],
                    "high": figure and figure[2], "target": target, "verdict": met,
                    "ours_medians": detail(row.ours, rounds),
                    "yardstick_medians": row.yard and detail(row.yard, rounds)})
    return out


def cells(result):
    unit = UNITS[result["figure"]]

    def side(medians):
        return show(medians[result["figure"]], unit) if medians else "-"

    if result["median"] is None:
        return [result["what"], "-", "-", "-", result["target"], result["verdict"]]
    if result["difference"]:
        figure = "+" + show(result["median"], unit)
    else:
        figure = show(result["median"]) + ("x" if result["yardstick"] else "")
        figure += f" ({show(result['low'])} to {show(result['high'])})"
    return [result["what"], side(result["ours_medians"]), side(result["yardstick_medians"]), figure,
            result["target"], result["verdict"]]


def grid(rows, markdown):
    """Rows of cells, the first one a heading; text columns left, figures right."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = []
    for index, row in enumerate(rows):
        padded = [c.ljust(w) if k == 0 else c.rjust(w) for k, (c, w) in enumerate(zip(row, widths))]
        lines.append("| " + " | ".join(padded) + " |" if markdown else "  ".join(padded).rstrip())
        if index == 0:
            rule = ["-" * w if k == 0 else "-" * (w - 1) + ":" for k, w in enumerate(widths)]
            lines.append("| " + " | ".join(rule) + " |" if markdown else
                         "  ".join("-" * w for w in widths))
    return "\n".join(lines)


def summary(found, markdown):
    heading = ["what", "grevy", "yardstick", "ratio or figure", "target", "verdict"]
    return grid([heading] + [cells(result) for result in found], markdown)


def everybody(rounds, markdown):
    """Throughput, CPU and latency of every contestant."""
    names = list(dict.fromkeys(name for samples in rounds for name in samples))
    lines = [["contestant", "per second", "server CPU us", "p50 ms", "p95 ms", "p99 ms"]]
    for name in names:
        m = detail(name, rounds)
        if m["per_s"] is not None:
            ms = [show(m[q] and m[q] / 1000) for q in ("p50_us", "p95_us", "p99_us")]
            lines.append([name, show(m["per_s"]), show(m["cpu_us"])] + ms)
    return grid(lines, markdown) if len(lines) > 1 else ""
