# Raw archives and prepared tensors, shared by all studies.


def standin_code(standin):
    """A digest of the generator of a stand-in; nothing where archives are fetched."""
    return (
        code(f"data/standins/{standin.module}.py", "data/standins/_*.py")
        if standin
        else ""
    )


MIRROR = ""
if config.get("mirror"):
    MIRROR = "--mirror " + word(os.path.expanduser(str(config["mirror"])))


rule fetch:
    output:
        f"{RAW}/{{dataset}}/archives.json",
    retries: 0
    params:
        dataset=lambda w: records.digest(
            study.datasets[w.dataset].model_dump(
                mode="json", include={"archives", "standin"}
            )
        ),
        code=lambda w: standin_code(study.datasets[w.dataset].standin),
    shell:
        # Where archives come from is no part of what they are: no parameter, so that it reruns nothing.
        VERB + f" fetch --dataset {{wildcards.dataset}} {MIRROR} --out {{output}}"
        f" --hashes {HASHES}/{{wildcards.dataset}}.json"


for dataset, content in study.datasets.items():

    rule:
        name:
            f"prepare_{dataset}"
        input:
            f"{RAW}/{dataset}/archives.json",
        output:
            **{split: prepared(dataset, split) for split in SPLITS},
        retries: 0
        params:
            dataset=dataset,
            code=code(
                "data/prepare.py",
                "files/streamed.py",
                f"data/datasets/{content.module}.py",
                "data/datasets/_*.py",
                "data/datasets/_*.csv",
            ),
        shell:
            VERB + " prepare --dataset {params.dataset} --archives {input}"
            " --train {output.train} --val {output.val} --test {output.test}"


rule data:
    input:
        [prepared(dataset, split) for dataset in study.datasets for split in SPLITS],
