# Tuning: the grid of a method's own hyper-parameters, trained on the training split and compared on
# the validation split. What is chosen, with the whole grid, is one file per method.


def choices(experiment, methods=None):
    """What tuning chose for the tuned among some methods of an experiment, by default all."""
    chosen = study.experiments[experiment]
    found = [
        CHOICE.format(experiment=e, method=m) + ".json"
        for method in (chosen.methods if methods is None else methods)
        for e, m in [SAME.get((experiment, method), (experiment, method))]
        if chosen.grid(method) and not (PRESENT and (e, m, None) in PLAN.due)
    ]
    return list(dict.fromkeys(found))


for experiment, chosen in study.experiments.items():
    tuned = [
        method
        for method in trained(experiment)
        if is_due(experiment, method, None) and chosen.grid(method)
    ]
    if tuned:

        rule:
            name:
                f"tune_{experiment}"
            input:
                now=NOW,
                train=prepared(chosen.dataset, "train"),
                val=prepared(chosen.dataset, "val"),
            output:
                update(
                    CHOICE.format(experiment=experiment, method="{method}") + ".json"
                ),
            log:
                f"{LOGS}/{experiment}/{{method}}/tune.log",
            wildcard_constraints:
                method=one_of(tuned),
            threads: THREADS
            resources:
                gpu=int(DEVICE != "cpu"),
            params:
                experiment=experiment,
                # Not declared: what a job has saved outlives its outputs, which a failure removes.
                checkpoint=CHOICE.format(experiment=experiment, method="{method}"),
            message:
                "tune {params.experiment} {wildcards}"
            shell:
                "{VERB} tune --study {STUDY} --device {DEVICE} --threads {threads}"
                " --experiment {params.experiment} --method {wildcards.method}"
                " --code {TRAIN_CODE.digest} --train {input.train} --val {input.val}"
                " --checkpoint {params.checkpoint} --out {output} 2> {log}"


rule tune:
    input:
        [file for experiment in study.experiments for file in choices(experiment)],
