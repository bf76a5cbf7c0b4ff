# Training, evaluation and aggregation. One process trains a run, all seeds of a method, or a whole
# experiment, as the study's `batch` says; the numbers are the same.
import re


def same_runs():
    """Runs that an earlier experiment has too: (experiment, method) -> the earlier's.

    Equal digests are equal settings and data, so that they are trained once.
    """
    first, found = {}, {}
    for experiment, chosen in study.experiments.items():
        for method in chosen.methods:
            key = (chosen.dataset, digest(experiment, method))
            other, _ = first.setdefault(key, (experiment, method))
            if chosen.seeds.value <= study.experiments[other].seeds.value:
                found[experiment, method] = first[key]
    return {run: other for run, other in found.items() if run != other}


SAME = same_runs()


def trained(experiment):
    """The methods whose runs this experiment trains itself."""
    return [
        m for m in study.experiments[experiment].methods if (experiment, m) not in SAME
    ]


def runs(experiment, methods, method="{method}", seed="{seed}"):
    """The (method, seed) pairs of one job; wildcards stand where `batch` leaves them open."""
    seeds = range(study.experiments[experiment].seeds.value)
    methods = methods if study.batch == "experiment" else [method]
    seeds = [seed] if study.batch == "run" else seeds
    return [(m, s) for m in methods for s in seeds]


def of_job(experiment, wildcards):
    """The pairs of one training job with its wildcards filled in."""
    named = (wildcards.get("method"), wildcards.get("seed"))
    return runs(experiment, trained(experiment), *named)


def trained_by(methods):
    """The digests of training code that Snakemake remembers of a job: one, unless methods differ."""
    return " ".join(dict.fromkeys(TRAIN_CODE.first(method) for method in methods))


def run_files(experiment, method, seed):
    """The three files of a trained run."""
    names = {
        "model": "model.safetensors",
        "history": "history.csv",
        "record": "run.json",
    }
    return {
        k: files(experiment, name, [(method, seed)])[0] for k, name in names.items()
    }


# With `present=yes` nothing is trained, whatever has changed: runs are there or they are not.
for experiment, chosen in study.experiments.items():
    same = [method for e, method in SAME if e == experiment]
    own, job = (runs(experiment, m) for m in (trained(experiment), chosen.methods))
    if not PRESENT:

        # `ancient`: prepared data is known by its hash, not by its date.
        rule:
            name:
                f"train_{experiment}"
            input:
                train=ancient(prepared(chosen.dataset, "train")),
                val=ancient(prepared(chosen.dataset, "val")),
                # Not `ancient`: a new choice trains again.
                tuned=lambda w, e=experiment: choices(e, [m for m, _ in of_job(e, w)]),
            output:
                model=files(experiment, "model.safetensors", own),
                history=files(experiment, "history.csv", own),
                record=files(experiment, "run.json", own),
            wildcard_constraints:
                method="|".join(map(re.escape, trained(experiment))) or "none",
            group:
                "run"
            threads: THREADS
            resources:
                gpu=int(DEVICE != "cpu"),
            params:
                experiment=experiment,
                methods=lambda w, e=experiment: [m for m, _ in of_job(e, w)],
                seeds=lambda w, e=experiment: [s for _, s in of_job(e, w)],
                digests=lambda w, e=experiment: [digest(e, m) for m, _ in of_job(e, w)],
                # Not declared: what a job has saved outlives its outputs, which a failure removes.
                checkpoints=lambda w, e=experiment: files(e, "checkpoint", of_job(e, w)),
                # Code declared equal trains nothing again; the record keeps the digest of the present one.
                code=lambda w, e=experiment: trained_by(m for m, _ in of_job(e, w)),
            message:
                "train {params.experiment} {wildcards}"
            shell:
                VERB
                + " train --study "
                + STUDY
                + " --device "
                + DEVICE
                + " --threads {threads} --experiment {params.experiment} --method {params.methods} --seed {params.seeds}"
                " --digest {params.digests} --code "
                + TRAIN_CODE.digest
                + " --train {input.train} --val {input.val} --checkpoint {params.checkpoints}"
                " --tuned {input.tuned} --model {output.model} --history {output.history} --record {output.record}"

        rule:
            name:
                f"reuse_{experiment}"
            input:
                unpack(lambda w, e=experiment: run_files(*SAME[e, w.method], w.seed)),
            output:
                **run_files(experiment, "{method}", "{seed}"),
            wildcard_constraints:
                method="|".join(map(re.escape, same)) or "none",
            params:
                experiment=experiment,
            message:
                "reuse {input.record} as {wildcards}"
            shell:
                VERB
                + " reuse --experiment {params.experiment} --method {wildcards.method}"
                " --from-model {input.model} --from-history {input.history} --from-record {input.record}"
                " --model {output.model} --history {output.history} --record {output.record}"

        rule:
            name:
                f"evaluate_{experiment}"
            input:
                model=files(experiment, "model.safetensors", job),
                record=files(experiment, "run.json", job),
                test=ancient(prepared(chosen.dataset, "test")),
            output:
                files(experiment, "metrics.json", job),
            group:
                "run"
            threads: THREADS
            resources:
                gpu=int(DEVICE != "cpu"),
            params:
                experiment=experiment,
                code=code(*stages.EVALUATE),
            message:
                "evaluate {params.experiment} {wildcards}"
            shell:
                VERB
                + " evaluate --study "
                + STUDY
                + " --device "
                + DEVICE
                + " --threads {threads} --experiment {params.experiment} --test {input.test}"
                " --model {input.model} --record {input.record} --metrics {output}"

    rule:
        name:
            f"aggregate_{experiment}"
        input:
            metrics=files(experiment, "metrics.json", every_run(experiment)),
            history=files(experiment, "history.csv", every_run(experiment)),
            tuned=lambda w, e=experiment: choices(e),
        output:
            metrics=f"{RESULTS}/{experiment}.csv",
            history=f"{RESULTS}/{experiment}_history.csv",
            provenance=f"{RESULTS}/{experiment}.json",
        retries: 0
        localrule: True
        params:
            experiment=experiment,
            digests=[digest(experiment, m) for m in chosen.methods],
            code=code(*stages.AGGREGATE),
        message:
            "aggregate {params.experiment}"
        shell:
            VERB + " aggregate --study " + STUDY + " --experiment {params.experiment}"
            " --metrics {input.metrics} --history {input.history} --tuned {input.tuned}"
            " --out-metrics {output.metrics} --out-history {output.history}"
            " --out-provenance {output.provenance}"


def diverged(dag):
    """What to say of the diverged runs that the present targets rest on; empty if there are none."""
    files = {
        Path(f)
        for job in dag.jobs
        for f in (*job.input, *job.output)
        if str(f).endswith("/metrics.json")
    }
    lost = finished.diverged(sorted(files))
    if not lost:
        return ""
    remedy = f"Their last states: {RESULTS}/<experiment>/<method>/seed<n>/checkpoint."
    return "\n".join(
        [f"{len(lost)} runs diverged; tables count and leave them out.", *lost, remedy]
    )


def unmade(dag):
    """What to say where files that were asked for are not there; empty if all are.

    Snakemake (https://github.com/snakemake/snakemake/issues/4166) leaves out a missing training where
    its prepared data, `ancient`, exist and are prepared again in the same call.
    """
    asked = dag.workflow.dag_settings
    if asked.until or asked.omit_from or asked.batch:
        return ""  # not all was to be made
    files = [f for f in dag.targetfiles if not Path(f).exists()]
    if not files:
        return ""
    return f"{len(files)} files are not made yet, {files[0]} among them. Give the same command again."


rule results:
    input:
        expand(f"{RESULTS}/{{experiment}}.csv", experiment=EXPERIMENTS),


# The run matrix, now. It has no output, so it runs whenever it is asked for, and its patterns come
# from a function, so that their braces are left alone.
rule status:
    retries: 0
    params:
        places=lambda w: " ".join(
            f"--{option} '{file}'"
            for option, name in [
                ("metrics", "metrics.json"),
                ("record", "run.json"),
                ("checkpoint", "checkpoint"),
            ]
            for file in files("{experiment}", name, [("{method}", "{seed}")])
        ),
        code=TRAIN_CODE.digest,
    shell:
        VERB + " status --study " + STUDY + " {params.places} --code {params.code}"
