"""What the results say of the paper: a verdict per claim, and every reported number beside ours.

`results/<study>/verdicts.json` is one mapping. Keys are always present; `null` says that there is
none. Numbers are floats, never NaN.

    study        the study's name
    title        its title
    reference    the study that is configured as published (`paper`)
    statistics   {confidence: 0.95, resamples, power: 0.8}: of the intervals and of `more_seeds`
    claims       a list, in the order of `configs/paper/claims.yaml`; each claim:
      id, number       a short name (`stability`), and 1 to 8
      sentence, source what the paper claims, in our words, and where
      verdict          one of VERDICTS
      reason           one sentence: why
      counts           verdict -> how many of its tests have it (each of VERDICTS)
      more_seeds       how many more seeds would decide its open tests; null where that is unknown
      tests            a list; each test:
        id, hypothesis   a short name unique in the file, and a sentence that can be false
        kind             `comparison`, or `computation` (claim 8: checked by arithmetic, no results)
        experiment       name of the experiment; null for a computation
        quantity         {name, label, direction: higher | lower, unit}; null for a computation
        relation         the words between method and against, e.g. "is better than"
        minimum_n        fewer common seeds never confirm or refute
        n                the smallest n of its comparisons; 0 where none was run
        verdict, reason, more_seeds   as above
        standin          whether the data are generated stand-ins
        as_published     whether every run compared is configured as in the reference study
        data             the data's label, e.g. "CIFAR-10, JPEG copy"; null where not run
        comparisons      a list, empty where not run; each comparison:
          method, label            name and label of the method
          against, against_label   the other method's; against is null where it is compared with a
                                   number, and against_label then says which ("0", "the optimum")
          task                     the task where each is compared on its own; else null
          n                        seeds that both have
          diverged                 runs left out because they diverged
          difference               mean over seeds of method - against, in the quantity's unit
                                   (a ratio of spreads, or percent, where `scale` says so)
          low, high                its paired interval (Student's t); null below two seeds
          scale                    "absolute", "percent of against" or "log ratio of spreads"
          p, p_adjusted            two-sided; and after Holm over the test; null below two seeds
          improvement              probability that a run of `method` beats one of `against`
          margin                   what the difference is compared with
          verdict                  holds, does not hold or inconclusive
    cells        a list: every number of the paper's tables, ours, theirs, or both; each cell:
      table          the paper's table, e.g. "1"; null where the paper has no such row
      experiment     name of the experiment in `configs/experiments/`
      method, label  the method's name and its label as in `paper_tables/`; a method of the paper
                     that the study lacks has name null and the paper's name as label
      metric         its name in `configs/paper/reported.csv`
      label_metric   in words
      n              seeds; 0 where not run
      value          the median over seeds; null where not run
      low, high      its bootstrap interval; null below two seeds
      coverage       what the interval can cover at most with so few seeds (2 seeds: 0.5; 5: 0.9375)
      reported, reported_std, reported_n, reported_source, reported_note   the paper's; or null
      standin, as_published   as above
      agreement      one of AGREEMENTS; null where one of the two numbers is missing
      reason         where agreement is `not compared`, or needs a word; else null
    counts       paper's table -> agreement -> number of cells (each of AGREEMENTS, and "missing")
"""

HOLDS, FAILS, OPEN = "holds", "does not hold", "inconclusive"
NOT_RUN, STANDIN = "not run", "stand-in data"
VERDICTS = (HOLDS, FAILS, OPEN, NOT_RUN, STANDIN)
INSIDE = "inside our interval"
NEAR = "within two reported standard deviations"
OUTSIDE = "outside"
NOT_COMPARED = "not compared"  # stand-in data, or hours of another machine
AGREEMENTS = (INSIDE, NEAR, OUTSIDE, NOT_COMPARED)
