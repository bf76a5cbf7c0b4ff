# Training, evaluation and aggregation. Only runs that are due have rules (planning/due.py); finished
# ones are files like any input.
#
# One process trains a run, all seeds of a method, or a whole experiment, as the study's `batch` says;
# the numbers are the same. Of a run's files only `metrics.json`, the last, is declared: Snakemake
# removes what a failed job has declared, and what was trained until then must stay.


def same_runs():
    """Runs that an earlier experiment has too: (experiment, method) -> the earlier's.

    Equal digests are equal settings and data, so that they are trained once.
    """
    first, found = {}, {}
    for experiment, chosen in study.experiments.items():
        for method in chosen.methods:
            key = (chosen.dataset, run_digest(experiment, method))
            other, _ = first.setdefault(key, (experiment, method))
            if chosen.seeds.value <= study.experiments[other].seeds.value:
                found[experiment, method] = first[key]
    return {run: other for run, other in found.items() if run != other}


SAME = same_runs()
PLAN = due.plan(
    study,
    STUDY,
    record=f"{RUN}/metrics.json",
    history=f"{RUN}/history.csv",
    choice=f"{CHOICE}.json",
    code=TRAIN_CODE,
    retrain=config.get("stale") == "retrain" and not PRESENT,
)
for copy, source in SAME.items():
    for seed in range(study.experiments[copy[0]].seeds.value):
        if (*source, seed) in PLAN.due:
            PLAN.due.setdefault((*copy, seed), "the run that it is a copy of is")
if workflow.is_main_process:
    again = "Left out" if PRESENT else "To be trained again"
    for line in PLAN.lines(again, f"snakemake --config study={STUDY} stale=retrain"):
        logger.warning(line)


@functools.cache
def every_run(experiment):
    """All (method, seed) pairs of an experiment; with `present=yes`, those that are not due."""
    chosen = study.experiments[experiment]
    pairs = [(m, s) for m in chosen.methods for s in range(chosen.seeds.value)]
    return [p for p in pairs if not PRESENT or (experiment, *p) not in PLAN.due]


# What tables, figures and verdicts are made of; with `present=yes`, of what is there.
EXPERIMENTS = [e for e in study.experiments if every_run(e)]


def is_due(experiment, method, seed):
    """Whether a run is trained. A job's own process has the rules of all: its run may be done by now."""
    due_now = (experiment, method, seed) in PLAN.due
    return not PRESENT and (due_now or not workflow.is_main_process)


def trained(experiment):
    """The methods whose runs this experiment trains itself."""
    return [
        m for m in study.experiments[experiment].methods if (experiment, m) not in SAME
    ]


# The wildcard `job` tells one training job of an experiment from another: the path below it.
def job_of(method, seed):
    jobs = {"run": f"/{method}/seed{seed}", "method": f"/{method}", "experiment": ""}
    return jobs[study.batch]


@functools.cache
def of_job(experiment, job):
    """The (method, seed) pairs of a job, whether they are due or not."""
    own = trained(experiment)
    return [p for p in every_run(experiment) if p[0] in own and job_of(*p) == job]


def due_of_job(experiment, job):
    pairs = of_job(experiment, job)
    return [p for p in pairs if (experiment, *p) in PLAN.due] or pairs


def job_files(experiment, name):
    """A file of each run of a job, as a pattern of `job`."""
    if study.batch == "run":
        return [f"{RESULTS}/{experiment}{{job}}/{name}"]
    if study.batch == "method":
        seeds = range(study.experiments[experiment].seeds.value)
        return [f"{RESULTS}/{experiment}{{job}}/seed{seed}/{name}" for seed in seeds]
    return files(experiment, name, of_job(experiment, ""))


def each(experiment, value):
    """A parameter with a value for each of a job's due runs, as `value` gives it for all of them."""
    return lambda w: value(experiment, due_of_job(experiment, w.get("job", "")))


def each_file(experiment, name):
    return each(experiment, lambda e, pairs: files(e, name, pairs))


def earlier(experiment, name):
    """The file of the run that is taken as this one."""

    def file(wildcards):
        other, method = SAME[experiment, wildcards.method]
        return files(other, name, [(method, wildcards.seed)])[0]

    return file


for experiment, chosen in study.experiments.items():
    pairs = [p for p in every_run(experiment) if is_due(experiment, *p)]
    own = [p for p in pairs if p[0] in trained(experiment)]
    taken = [p for p in pairs if p not in own]
    if own:

        rule:
            name:
                f"train_{experiment}"
            input:
                now=NOW,
                train=prepared(chosen.dataset, "train"),
                val=prepared(chosen.dataset, "val"),
                test=prepared(chosen.dataset, "test"),
                tuned=each(
                    experiment, lambda e, pairs: choices(e, [m for m, _ in pairs])
                ),
            output:
                update(job_files(experiment, "metrics.json")),
            log:
                f"{LOGS}/{experiment}{'' if study.batch == 'experiment' else '{job}'}/train.log",
            wildcard_constraints:
                job=one_of(job_of(*p) for p in own),
            group:
                "run"
            threads: THREADS
            resources:
                gpu=int(DEVICE != "cpu"),
            params:
                experiment=experiment,
                methods=each(experiment, lambda e, pairs: [m for m, _ in pairs]),
                seeds=each(experiment, lambda e, pairs: [s for _, s in pairs]),
                digests=each(
                    experiment, lambda e, pairs: [run_digest(e, m) for m, _ in pairs]
                ),
                checkpoints=each_file(experiment, "checkpoint"),
                models=each_file(experiment, "model.safetensors"),
                histories=each_file(experiment, "history.csv"),
                records=each_file(experiment, "run.json"),
                metrics=each_file(experiment, "metrics.json"),
            message:
                "train {params.experiment} {wildcards}"
            shell:
                "({VERB} train --study {STUDY} --device {DEVICE} --threads {threads}"
                " --experiment {params.experiment} --method {params.methods} --seed {params.seeds}"
                " --digest {params.digests} --code {TRAIN_CODE.digest}"
                " --train {input.train} --val {input.val} --checkpoint {params.checkpoints}"
                " --tuned {input.tuned} --model {params.models} --history {params.histories}"
                " --record {params.records} &&"
                " {VERB} evaluate --study {STUDY} --device {DEVICE} --threads {threads}"
                " --experiment {params.experiment} --test {input.test} --model {params.models}"
                " --record {params.records} --metrics {params.metrics}) 2> {log}"
                # Of its runs that are not due, the date alone changes.
                " && touch -c {output}"

    if taken:

        rule:
            name:
                f"reuse_{experiment}"
            input:
                now=NOW,
                metrics=earlier(experiment, "metrics.json"),
            output:
                update(f"{RESULTS}/{experiment}/{{method}}/seed{{seed}}/metrics.json"),
            log:
                f"{LOGS}/{experiment}/{{method}}/seed{{seed}}/reuse.log",
            wildcard_constraints:
                method=one_of(m for m, _ in taken),
                seed=one_of(str(s) for _, s in taken),
            localrule: True
            params:
                experiment=experiment,
                source=earlier(experiment, "history.csv"),
                history=f"{RESULTS}/{experiment}/{{method}}/seed{{seed}}/history.csv",
            message:
                "reuse {input.metrics} as {params.experiment} {wildcards}"
            shell:
                "{VERB} reuse --experiment {params.experiment} --method {wildcards.method}"
                " --from-metrics {input.metrics} --from-history {params.source}"
                " --metrics {output} --history {params.history} 2> {log}"

    rule:
        name:
            f"aggregate_{experiment}"
        input:
            now=until_made_here(f"{LOGS}/{experiment}/aggregate.log"),
            metrics=files(experiment, "metrics.json", every_run(experiment)),
            tuned=lambda w, e=experiment: choices(e),
        output:
            metrics=update(f"{RESULTS}/{experiment}.csv"),
            history=update(f"{RESULTS}/{experiment}_history.csv"),
            provenance=update(f"{RESULTS}/{experiment}.json"),
        log:
            f"{LOGS}/{experiment}/aggregate.log",
        retries: 0
        localrule: True
        params:
            experiment=experiment,
            # Written next to `metrics.json`, and before it.
            histories=files(experiment, "history.csv", every_run(experiment)),
            digests=[run_digest(experiment, m) for m in chosen.methods],
            code=AGGREGATE_CODE,
        message:
            "aggregate {params.experiment}"
        shell:
            "{VERB} aggregate --study {STUDY} --experiment {params.experiment}"
            " --metrics {input.metrics} --history {params.histories} --tuned {input.tuned}"
            " --out-metrics {output.metrics} --out-history {output.history}"
            " --out-provenance {output.provenance} 2> {log}"


def diverged(dag):
    """What to say of the diverged runs that the present targets rest on; empty if there are none."""
    files = {
        Path(f)
        for job in dag.jobs
        for f in (*job.input, *job.output)
        if str(f).endswith("/metrics.json")
    }
    lost = run_records.diverged(sorted(files))
    if not lost:
        return ""
    remedy = f"Their last states: {RESULTS}/<experiment>/<method>/seed<n>/checkpoint."
    return "\n".join(
        [f"{len(lost)} runs diverged; tables count and leave them out.", *lost, remedy]
    )


rule results:
    input:
        expand(f"{RESULTS}/{{experiment}}.csv", experiment=EXPERIMENTS),


# The run matrix, now. It has no output, so it runs whenever it is asked for, and its patterns come
# from a function, so that their braces are left alone.
rule status:
    retries: 0
    params:
        places=lambda w: " ".join(
            f"--{option} '{RUN}/{name}'"
            for option, name in [
                ("metrics", "metrics.json"),
                ("record", "run.json"),
                ("checkpoint", "checkpoint"),
            ]
        ),
    shell:
        "{VERB} status --study {STUDY} {params.places} --code {TRAIN_CODE.digest}"
