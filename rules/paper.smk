# Tables and figures, from aggregated results alone.


TABLES_OF, FIGURES_OF = with_runs(study.tables), with_runs(study.figures)


def gathered(experiments):
    """The three files of each experiment."""
    return {
        "metrics": [f"{RESULTS}/{e}.csv" for e in experiments],
        "history": [f"{RESULTS}/{e}_history.csv" for e in experiments],
        "provenance": [f"{RESULTS}/{e}.json" for e in experiments],
    }


def words(experiments):
    """A digest of what a table or figure takes from the configuration: labels, colours, order."""
    chosen = {e: study.experiments[e].model_dump(mode="json") for e in experiments}
    return records.digest({"title": study.title, "experiments": [list(chosen), chosen]})


def shown(path, category, **labels):
    """An output that `snakemake --report` shows, with the caption of its category."""
    return report(
        path,
        caption=f"captions/{category}.rst",
        category=category.capitalize(),
        labels={"study": STUDY, **labels, "format": Path(path).suffix[1:]},
    )


FROM = " --metrics {input.metrics} --history {input.history} --provenance {input.provenance}"


rule table:
    input:
        unpack(lambda w: gathered(TABLES_OF[w.table])),
        reported=of_checkout("configs/paper/reported.csv"),
    output:
        csv=shown(f"{TABLES}/{{table}}.csv", "tables", table="{table}"),
        markdown=shown(f"{TABLES}/{{table}}.md", "tables", table="{table}"),
        latex=shown(f"{TABLES}/{{table}}.tex", "tables", table="{table}"),
    wildcard_constraints:
        table="|".join(TABLES_OF) or "none",
    retries: 0
    params:
        words=lambda w: words(TABLES_OF[w.table]),
        quantities=QUANTITIES,
        code=lambda w: code(
            f"paper/tables/{w.table}.py",
            "paper/tables/_*.py",
            "paper/table.py",
            *stages.PAPER,
        ),
        training=TRAIN_CODE.digest,
        equal=EQUAL_CODE,
    shell:
        VERB
        + " table --study "
        + STUDY
        + " --name {wildcards.table}"
        + FROM
        + " --reported {input.reported:q} --code {params.training}"
        " --csv {output.csv} --markdown {output.markdown} --latex {output.latex}"


rule figure:
    input:
        unpack(lambda w: gathered(FIGURES_OF[w.figure])),
    output:
        csv=shown(f"{FIGURES}/{{figure}}.csv", "figures", figure="{figure}"),
        pdf=shown(f"{FIGURES}/{{figure}}.pdf", "figures", figure="{figure}"),
        png=shown(f"{FIGURES}/{{figure}}.png", "figures", figure="{figure}"),
    wildcard_constraints:
        figure="|".join(FIGURES_OF) or "none",
    retries: 0
    params:
        words=lambda w: words(FIGURES_OF[w.figure]),
        code=lambda w: code(
            f"paper/figures/{w.figure}.py",
            "paper/figures/_*.py",
            "paper/figure.py",
            "tasks/objectives.py",
            *stages.PAPER,
        ),
        training=TRAIN_CODE.digest,
        equal=EQUAL_CODE,
    shell:
        VERB
        + " figure --study "
        + STUDY
        + " --name {wildcards.figure}"
        + FROM
        + " --code {params.training}"
        + " --csv {output.csv} --pdf {output.pdf} --png {output.png}"


rule hyperparameters:
    input:
        tuned=[file for e in EXPERIMENTS for file in choices(e)],
    output:
        shown(f"{TABLES}/hyperparameters.md", "provenance"),
    retries: 0
    params:
        words=words(study.experiments),
        datasets=records.digest(
            {k: d.model_dump(mode="json") for k, d in study.datasets.items()}
        ),
        code=code("paper/hyperparameters.py"),
    shell:
        VERB
        + " hyperparameters --study "
        + STUDY
        + " --tuned {input.tuned} --out {output}"


rule verdicts:
    input:
        **gathered(EXPERIMENTS),
        reported=of_checkout("configs/paper/reported.csv"),
    output:
        shown(f"{RESULTS}/verdicts.json", "verdicts"),
    retries: 0
    params:
        words=words(study.experiments),
        claims=CLAIMS,
        code=code(*stages.VERDICT, *stages.PAPER),
    shell:
        VERB
        + " verdict --study "
        + STUDY
        + FROM
        + " --reported {input.reported:q} --out {output}"


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
