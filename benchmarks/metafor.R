# CPU seconds of one call of metafor: Rscript metafor.R TASK REPEATS
suppressPackageStartupMessages(library(metafor))
arguments <- commandArgs(trailingOnly = TRUE)
task <- arguments[1]
needed <- c("CM.EL" = "BiasedUrn", "CM.AL" = "lme4", "UM.FS" = "lme4", "UM.RS" = "lme4", levels3 = "Matrix")
if (task %in% names(needed) && !requireNamespace(needed[[task]], quietly = TRUE)) {
  message("metafor needs the R package ", needed[[task]], " for ", task, ": install.packages(\"", needed[[task]], "\")")
  quit(status = 2)
}
repeats <- as.integer(arguments[2])
bcg <- escalc(measure = "OR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg)
glmm <- function(model) {
  rma.glmm(measure = "OR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg, model = model)
}
set.seed(1)
levels3 <- data.frame(study = rep(1:200, each = 5), row = 1:1000, vi = runif(1000, .01, .1))
levels3$yi <- rep(rnorm(200, 0, .3), each = 5) + rnorm(1000, 0, sqrt(.05 + levels3$vi))
ten <- data.frame(vi = runif(10, .01, .4))
ten$yi <- rnorm(10, 0, sqrt(ten$vi + .05))
call <- switch(task,
  single = function() rma(yi, vi, data = bcg, test = "knha"),
  ten = function() rma(yi, vi, data = ten, test = "knha", control = list(maxiter = 10000)),
  leave13 = function() leave1out(rma(yi, vi, data = bcg)),
  permutation = function() permutest(rma(yi, vi, data = bcg, test = "knha"), exact = TRUE, progbar = FALSE),
  "CM.EL" = function() glmm("CM.EL"), "CM.AL" = function() glmm("CM.AL"),
  "UM.FS" = function() glmm("UM.FS"), "UM.RS" = function() glmm("UM.RS"),
  levels3 = function() rma.mv(yi, vi, random = ~ 1 | study/row, data = levels3, sparse = TRUE),
  stop("unknown task")
)
if (repeats > 1) invisible(call())
start <- proc.time()
for (i in seq_len(repeats)) invisible(suppressWarnings(call()))
used <- proc.time() - start
cat(sum(used[c("user.self", "sys.self")]) / repeats, "\n")
