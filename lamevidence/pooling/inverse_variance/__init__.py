"""One mean from estimates with variances: models, intervals, prediction, heterogeneity, refits on subsets."""
