# Tuning: the grid of a method's own hyper-parameters, trained on the training split and compared on
# the validation split. What is chosen, with the whole grid, is one file per method.


def choices(experiment, methods=None):
    """What tuning chose for the tuned among some methods of an experiment, by default all."""
    chosen = study.experiments[experiment]
    found = [
        f"{RESULTS}/{e}/tuning/{m}.json"
        for method in (chosen.methods if methods is None else methods)
        for e, m in [SAME.get((experiment, method), (experiment, method))]
        if chosen.grid(method)
    ]
    return [f for f in dict.fromkeys(found) if not PRESENT or Path(f).exists()]


for experiment, chosen in study.experiments.items():
    if chosen.tuning and not PRESENT:

        rule:
            name:
                f"tune_{experiment}"
            input:
                train=ancient(prepared(chosen.dataset, "train")),
                val=ancient(prepared(chosen.dataset, "val")),
            output:
                f"{RESULTS}/{experiment}/tuning/{{method}}.json",
            wildcard_constraints:
                method="|".join(map(re.escape, chosen.tuning.grids)) or "none",
            threads: THREADS
            resources:
                gpu=int(DEVICE != "cpu"),
            params:
                experiment=experiment,
                digest=lambda w, e=experiment: tuning.digest(study, e, w.method),
                code=lambda w: f"{TRAIN_CODE.first(w.method)} {code(*stages.TUNE)}",
                # Not declared: what a job has saved outlives its outputs, which a failure removes.
                checkpoint=f"{RESULTS}/{experiment}/tuning/{{method}}",
            message:
                "tune {params.experiment} {wildcards}"
            shell:
                VERB
                + " tune --study "
                + STUDY
                + " --device "
                + DEVICE
                + " --threads {threads}"
                " --experiment {params.experiment} --method {wildcards.method} --code "
                + TRAIN_CODE.digest
                + " --train {input.train} --val {input.val} --checkpoint {params.checkpoint}"
                " --out {output}"


rule tune:
    input:
        [file for experiment in study.experiments for file in choices(experiment)],
