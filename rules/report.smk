# The report: one page, from everything that the paper's rules make.

# Where a study's files are, as `report` is told.
PLACES = {
    "metrics": f"{RESULTS}/{{experiment}}.csv",
    "history": f"{RESULTS}/{{experiment}}_history.csv",
    "provenance": f"{RESULTS}/{{experiment}}.json",
    "run": f"{RUN}/metrics.json",
    "record": f"{RUN}/run.json",
    "checkpoint": f"{RUN}/checkpoint",
    "tables": f"{TABLES}/{{table}}.{{kind}}",
    "figures": f"{FIGURES}/{{figure}}.{{kind}}",
    "verdicts": f"{RESULTS}/verdicts.json",
}


rule report:
    input:
        *sum(gathered(EXPERIMENTS).values(), []),
        *rules.tables.input,
        *rules.figures.input,
        *rules.verdicts.output,
        citation=of_checkout("CITATION.cff"),
    output:
        shown(f"{REPORT}/index.html", "verdicts"),
    log:
        f"{LOGS}/report.log",
    params:
        # Patterns that the verb fills in; a function, so that their braces are left alone.
        places=lambda w: " ".join(
            f"--{name} '{place}'" for name, place in PLACES.items()
        ),
        words=words(study.experiments),
        runs=TRAIN_CODE.digest,
        equal=EQUAL_CODE,
        locked=LOCKED,
        present=stamps(),
        code=REPORT_CODE,
    shell:
        "{VERB} report --study {STUDY} {params.places} --code {params.runs}"
        " --citation {input.citation:q} --out {output} 2> {log}"
