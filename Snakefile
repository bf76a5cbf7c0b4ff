# The replication, from raw archives to tables and figures.
#
#   snakemake                                      the quick study, on stand-in data
#   snakemake --config study=lite mirror=FOLDER    real data, scaled to a CPU
#   snakemake --config study=paper                 everything, as published
#
# Targets: all, data, results, tables, figures, report, or any file below them. `-n` says what would run
# and why.
report: "rules/captions/workflow.rst"


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/runs.smk"
include: "rules/paper.smk"
include: "rules/report.smk"


rule all:
    default_target: True
    input:
        rules.tables.input,
        rules.figures.input,
        rules.verdicts.output,
        rules.report.output,


# On a cluster these run where snakemake does: `fetch` needs the internet, and the others take
# seconds, less than a job's own start.
localrules:
    all,
    data,
    results,
    status,
    tables,
    figures,
    fetch,
    table,
    figure,
    hyperparameters,
    verdicts,
    report,


# Whatever was asked for: runs that came to nothing are no success of the whole.
onsuccess:
    if left := list(filter(None, [diverged(workflow.dag), unmade(workflow.dag)])):
        raise WorkflowError("\n".join(left))


onerror:
    if lost := diverged(workflow.dag):
        print(lost, file=sys.stderr)
