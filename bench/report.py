"""The figures of a run as a table beside those of the run before, the targets and the program we replace."""

import json

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"


def previous_run(folder, run):
    """The newest full run stored for as many cores as this machine has, or None."""
    found = []
    for path in folder.glob("*.json"):
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["machine"]["cores"] == run["machine"]["cores"] and not stored["quick"]:
            found.append(stored)
    return max(found, key=lambda stored: stored["date"], default=None)


def store(folder, run):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{run['date'][:10]}-{run['machine']['cores']}cores.json"
    path.write_text(json.dumps(rounded(run), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.5g}") if abs(value) < 1e5 else round(value)
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return value


def number(value, digits=3):
    """Three figures are as many as two runs agree on."""
    if value is None:
        return ""
    if abs(value) >= 1000:
        return f"{float(f'{value:.{digits}g}'):,.0f}"
    return f"{value:.{digits}g}"


def at(run, *path):
    """results[path[0]][path[1]]…, or None where a part did not run."""
    value = run["results"] if run else None
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def row(now, before, name, unit, path, target="", original=""):
    def show(run):
        value = at(run, *path)
        return f"{number(value)} {unit}".strip() if value is not None else ""
    return f"| {name} | {show(now)} | {show(before)} | {target} | {original} |"


def general(now, before):
    def add(name, unit, path, *others):
        if at(now, *path) is not None or at(before, *path) is not None:
            lines.append(row(now, before, name, unit, path, *others))
    lines = ["| | now | before | target | original |", "|---|--:|--:|--:|--:|"]
    add("start to first 200, nothing stored", "ms", ("start_empty", "median_ms"), "≤ 50 ms", "2,100 ms")
    add("start to first 200, 10,000 chunks stored", "ms", ("start_loaded", "median_ms"), "≤ 50 ms")
    add("— slowest of the starts", "ms", ("start_loaded", "worst_ms"))
    add("memory idle (RSS)", "MB", ("memory_idle_mb", "rss"), "≤ 40 MB", "135 MB")
    add("— of it not pages of files", "MB", ("memory_idle_mb", "anonymous"))
    add("memory after the load below (RSS)", "MB", ("memory_loaded_mb", "rss"))
    add("— of it not pages of files", "MB", ("memory_loaded_mb", "anonymous"))
    add("program, stripped", "MB", ("binary_mb",), "≤ 15 MB")
    add("200 documents of 5 KB as JSON, upload to searchable", "s", ("ingest_text", "seconds"), "", "12.9–23.6 s")
    add("— all uploads accepted", "s", ("ingest_text", "accepted_seconds"))
    add("— documents", "/s", ("ingest_text", "documents_per_s"))
    add("— documents that failed", "", ("ingest_text", "failed"), "0", "up to 21")
    add("200 documents of 5 KB as files, upload to searchable", "s", ("ingest_files", "seconds"))
    add("10,000 chunks in 200 documents, upload to searchable", "s", ("ingest_large", "seconds"))
    add("— chunks", "/s", ("ingest_large", "chunks_per_s"), "≥ 2,000/s")
    add("— server CPU for it", "s", ("ingest_large", "server_cpu_s"))
    add("chunking, paragraph", "MB/s", ("micro", "text_bench:chunk_paragraphs", "mb_per_s"))
    add("chunking, structured", "MB/s", ("micro", "text_bench:chunk_structured", "mb_per_s"))
    add("embedding, local model", "MB/s", ("micro", "text_bench:embed_local", "mb_per_s"))
    add("— chunks", "/s", ("micro", "text_bench:embed_local", "chunks_per_s"))
    add("embedding one question", "µs", ("micro", "text_bench:embed_question", "time"))
    for size in ("10000", "100000"):
        add(f"hybrid search in memory, {int(size):,} chunks", "µs", ("micro", f"search_bench:hybrid/{size}", "time"))
    return lines


ORIGINAL = {("health", "c32"): "1,400–1,800/s", ("documents", "c1"): "22/s, p50 47 ms", ("run", "c1"): "p50 212 ms",
            ("run", "c32"): "20/s"}
TARGET = {("health", "c32"): "≥ 20,000/s", ("run", "c32"): "≥ 6,000/s", ("run", "2000"): "p50 ≤ 0.5, p99 ≤ 1 ms"}


def case(cell):
    kind = cell["name"].split()[0]
    return kind, f"{cell['rate']:g}" if cell["mode"] == "open" else f"c{cell['concurrency']}"


def load(now, before, part):
    old = {case(cell): cell for cell in at(before, part) or []}
    lines = ["| request | load | requests/s | p50 ms | p95 ms | p99 ms | max ms | errors | server CPU µs | "
             "before: requests/s, p50, p99 ms | target | original |",
             "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"]
    for cell in at(now, part) or []:
        kind, how = case(cell)
        was = old.get((kind, how))
        then = (f"{number(was['rps'])}, {number(was['p50_us'] / 1000)}, {number(was['p99_us'] / 1000)}" if was else "")
        shown = [number(cell[f"{q}_us"] / 1000) for q in ("p50", "p95", "p99", "max")]
        title = f"{how[1:]} at a time" if how.startswith("c") else f"{int(how):,}/s due"
        lines.append("| " + " | ".join([kind, title, number(cell["rps"]), *shown, str(cell["errors"]),
                                        number(cell["server_us"]), then, TARGET.get((kind, how), ""),
                                        ORIGINAL.get((kind, how), "")]) + " |")
    return lines


def gates(now):
    """What the gates add: limits, quotas and idempotency on against off, at a rate that leaves the server idle."""
    lines = []
    for kind, states in (at(now, "gates") or {}).items():
        off, on = states["off"], states["on"]
        shown = [number(value) for q in ("p50_us", "p99_us", "server_us") for value in (off[q], on[q], on[q] - off[q])]
        lines.append(f"| {kind} | " + " | ".join(shown) + " |")
    head = ["", "Gates off and on, 500/s due, medians of rounds in turns, µs (target: p50 + ≤ 50, p99 + ≤ 200):", "",
            "| request | p50 off | on | added | p99 off | on | added | server CPU off | on | added |",
            "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"]
    return [*head, *lines] if lines else []


def threads(now):
    """Where the server's CPU goes in a saturated run: by thread, user and system."""
    cell = next((c for c in at(now, "load") or [] if case(c) == ("run", "c32")), None)
    if not cell:
        return []
    lines = ["", "CPU of the server for one run at 32 at a time, by thread:", "",
             "| thread | how many | user µs | system µs |", "|---|--:|--:|--:|"]
    lines += [f"| {name} | {count} | {number(user)} | {number(system)} |"
              for name, (user, system, count) in cell["threads_us"].items()]
    return lines


def rest(now):
    """The parts of the storage and search benchmarks that have no row above."""
    lines = []
    for name, entry in (at(now, "micro") or {}).items():
        if not name.startswith("text_bench"):
            extra = f"{number(entry['per_s'])}/s" if "per_s" in entry else ""
            lines.append(f"| `{name}` | {number(entry['time'])} {entry['unit'].replace('us', 'µs')} | {extra} |")
    return ["", "Single parts:", "", "| | time | rate |", "|---|--:|--:|", *lines] if lines else []


def table(now, before):
    host = now["machine"]
    intro = (f"{now['date'][:16].replace('T', ' ')} UTC, {host['cores']} × {host['cpu']}, {host['memory_gb']:g} GB, "
             f"Linux {host['kernel']}, revision {now['revision'] or 'unknown'}, embedding `{now['embedding']}`, "
             f"load of the machine before: {host['load_before']:g}.")
    if now["quick"]:
        intro += " **A quick run: not for comparing.**"
    if before:
        intro += f" Before: {before['date'][:10]}, revision {before['revision'] or 'unknown'}."
    lines = [intro, "", *general(now, before), "", *load(now, before, "load")]
    if at(now, "load_logged"):
        lines += ["", "With the request log at its default level (`INFO`, JSON lines to a file):", "",
                  *load(now, before, "load_logged")]
    return "\n".join([*lines, *gates(now), *threads(now), *rest(now), ""])


def put_into_page(page, text):
    """Replaces what stands between the markers; the prose around them is written by people."""
    old = page.read_text(encoding="utf-8")
    head, tail = old.split(BEGIN)[0], old.split(END)[1]
    page.write_text(f"{head}{BEGIN}\n\n{text}\n{END}{tail}", encoding="utf-8")
