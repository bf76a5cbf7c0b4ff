# Tables, figures and verdicts, from aggregated results alone.


def with_runs(outputs):
    """Tables or figures -> their experiments, without those that have no runs."""
    found = {o: [e for e in names if e in EXPERIMENTS] for o, names in outputs.items()}
    return {o: names for o, names in found.items() if names}


TABLES_OF, FIGURES_OF = with_runs(study.tables), with_runs(study.figures)


def gathered(experiments):
    """The three files of each experiment."""
    return {
        "metrics": [f"{RESULTS}/{e}.csv" for e in experiments],
        "history": [f"{RESULTS}/{e}_history.csv" for e in experiments],
        "provenance": [f"{RESULTS}/{e}.json" for e in experiments],
    }


def shown(path, category, **labels):
    """An output that git holds and `snakemake --report` shows, with the caption of its category."""
    return report(
        update(path),
        caption=f"captions/{category}.rst",
        category=category.capitalize(),
        labels={"study": STUDY, **labels, "format": Path(path).suffix[1:]},
    )


rule table:
    input:
        unpack(lambda w: gathered(TABLES_OF[w.table])),
        now=lambda w: until_made_here(f"{LOGS}/tables/{w.table}.log"),
        reported=of_checkout("configs/paper/reported.csv"),
    output:
        csv=shown(f"{TABLES}/{{table}}.csv", "tables", table="{table}"),
        markdown=shown(f"{TABLES}/{{table}}.md", "tables", table="{table}"),
        latex=shown(f"{TABLES}/{{table}}.tex", "tables", table="{table}"),
    log:
        f"{LOGS}/tables/{{table}}.log",
    wildcard_constraints:
        table=one_of(TABLES_OF),
    retries: 0
    params:
        words=lambda w: words(TABLES_OF[w.table]),
        quantities=QUANTITIES,
        code=lambda w: table_code(w.table),
        training=TRAIN_CODE.digest,
        equal=EQUAL_CODE,
        locked=LOCKED,
    shell:
        "{VERB} table --study {STUDY} --name {wildcards.table}"
        " --metrics {input.metrics} --history {input.history} --provenance {input.provenance}"
        " --reported {input.reported:q} --code {params.training}"
        " --csv {output.csv} --markdown {output.markdown} --latex {output.latex} 2> {log}"


rule figure:
    input:
        unpack(lambda w: gathered(FIGURES_OF[w.figure])),
        now=lambda w: until_made_here(f"{LOGS}/figures/{w.figure}.log"),
    output:
        csv=shown(f"{FIGURES}/{{figure}}.csv", "figures", figure="{figure}"),
        pdf=shown(f"{FIGURES}/{{figure}}.pdf", "figures", figure="{figure}"),
        png=shown(f"{FIGURES}/{{figure}}.png", "figures", figure="{figure}"),
    log:
        f"{LOGS}/figures/{{figure}}.log",
    wildcard_constraints:
        figure=one_of(FIGURES_OF),
    retries: 0
    params:
        words=lambda w: words(FIGURES_OF[w.figure]),
        code=lambda w: figure_code(w.figure),
        training=TRAIN_CODE.digest,
        equal=EQUAL_CODE,
        locked=LOCKED,
    shell:
        "{VERB} figure --study {STUDY} --name {wildcards.figure}"
        " --metrics {input.metrics} --history {input.history} --provenance {input.provenance}"
        " --code {params.training} --csv {output.csv} --pdf {output.pdf} --png {output.png} 2> {log}"


rule hyperparameters:
    input:
        now=until_made_here(f"{LOGS}/tables/hyperparameters.log"),
        tuned=[file for e in EXPERIMENTS for file in choices(e)],
    output:
        shown(f"{TABLES}/hyperparameters.md", "provenance"),
    log:
        f"{LOGS}/tables/hyperparameters.log",
    retries: 0
    params:
        words=words(study.experiments),
        datasets=DATASETS,
        code=HYPERPARAMETERS_CODE,
    shell:
        "{VERB} hyperparameters --study {STUDY} --tuned {input.tuned} --out {output} 2> {log}"


rule verdicts:
    input:
        **gathered(EXPERIMENTS),
        now=until_made_here(f"{LOGS}/verdicts.log"),
        reported=of_checkout("configs/paper/reported.csv"),
    output:
        shown(f"{RESULTS}/verdicts.json", "verdicts"),
    log:
        f"{LOGS}/verdicts.log",
    retries: 0
    params:
        words=words(study.experiments),
        claims=CLAIMS,
        code=VERDICT_CODE,
    shell:
        "{VERB} verdict --study {STUDY}"
        " --metrics {input.metrics} --history {input.history} --provenance {input.provenance}"
        " --reported {input.reported:q} --out {output} 2> {log}"


rule tables:
    input:
        expand(
            f"{TABLES}/{{table}}.{{kind}}",
            table=TABLES_OF,
            kind=["csv", "md", "tex"],
        ),
        f"{TABLES}/hyperparameters.md",


rule figures:
    input:
        expand(
            f"{FIGURES}/{{figure}}.{{kind}}",
            figure=FIGURES_OF,
            kind=["csv", "pdf", "png"],
        ),
