"""The search for a recipe: settings of the fit, tried on past windows of the plays."""
