"""What a posterior is worth: leave-one-out, effective sample size, sensitivity to priors, joint modes."""
