# Raw archives and prepared tensors, shared by all studies.

MIRROR = ""
if config.get("mirror"):
    MIRROR = "--mirror " + shlex.quote(os.path.expanduser(str(config["mirror"])))


rule fetch:
    output:
        f"{RAW}/{{dataset}}/archives.json",
    log:
        "logs/data/{dataset}/fetch.log",
    wildcard_constraints:
        dataset=one_of(study.datasets),
    retries: 0
    params:
        dataset=lambda w: archives_digest(w.dataset),
        code=lambda w: standin_code(w.dataset),
        hashes=f"{HASHES}/{{dataset}}.json",
    shell:
        # Where archives come from is no part of what they are: no parameter, so that it reruns nothing.
        "{VERB} fetch --dataset {wildcards.dataset} {MIRROR} --out {output} --hashes {params.hashes:q}"
        " 2> {log}"


for dataset in study.datasets:

    rule:
        name:
            f"prepare_{dataset}"
        input:
            f"{RAW}/{dataset}/archives.json",
        output:
            **{split: prepared(dataset, split) for split in SPLITS},
        log:
            f"logs/data/{dataset}/prepare_{preparation(dataset)}.log",
        retries: 0
        params:
            dataset=dataset,
            code=preparation_code(dataset),
        shell:
            "{VERB} prepare --dataset {params.dataset} --archives {input}"
            " --train {output.train} --val {output.val} --test {output.test} 2> {log}"


rule data:
    input:
        [prepared(dataset, split) for dataset in study.datasets for split in SPLITS],
