# Raw archives and prepared tensors, shared by all studies.


rule fetch:
    output:
        f"{RAW}/{{dataset}}/archives.json",
    retries: 0
    params:
        mirror=f"--mirror {config['mirror']}" if config.get("mirror") else "",
        dataset=lambda w: records.digest(
            study.datasets[w.dataset].model_dump(mode="json")["archives"]
        ),
    shell:
        VERB + " fetch --dataset {wildcards.dataset} {params.mirror} --out {output}"
        f" --hashes {HASHES}/{{wildcards.dataset}}.json"


rule prepare:
    input:
        f"{RAW}/{{dataset}}/archives.json",
    output:
        **{split: f"{PREPARED}/{{dataset}}/{split}.safetensors" for split in SPLITS},
    params:
        dataset=lambda w: records.digest(
            configuration.values(study.datasets[w.dataset].parameters)
        ),
        code=lambda w: code(
            "prepare.py",
            "tensors.py",
            f"datasets/{study.datasets[w.dataset].module}.py",
            "datasets/_*.py",
        ),
    shell:
        VERB + " prepare --dataset {wildcards.dataset} --archives {input}"
        " --train {output.train} --val {output.val} --test {output.test}"


rule data:
    input:
        expand(
            f"{PREPARED}/{{dataset}}/{{split}}.safetensors",
            dataset=study.datasets,
            split=SPLITS,
        ),
