"""A bar chart of the steps, for the README."""


def draw(results, path):
    """Write a bar chart of the time a batch, over ours, for each model: PNG or SVG by the name."""
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot as plt
    models = results['training']
    figure, axes = plt.subplots(1, len(models), figsize=(2.8 * len(models), 3), squeeze=False)
    for ax, (model, found) in zip(axes[0], models.items()):
        names = [name for name in ('notebook', found['fastest_torch'], 'ours')
                 if name in found['variants']]
        spreads = [found['variants'][name]['ms'] for name in names]
        labels = ['PyTorch' if name.startswith('torch') else name for name in names]
        colors = {'notebook': '0.6', 'PyTorch': 'tab:orange', 'ours': 'tab:blue'}
        medians = [ms.median for ms in spreads]
        bars = ax.bar(labels, medians, color=[colors[label] for label in labels], capsize=3, yerr=[
            [ms.median - ms.low for ms in spreads], [ms.high - ms.median for ms in spreads]])
        ax.set_ylim(0, 1.18 * max(ms.high for ms in spreads))
        for bar, ms in zip(bars, spreads):
            ax.annotate('%.3g' % ms.median, (bar.get_x() + bar.get_width() / 2, ms.high),
                        xytext=(0, 2), textcoords='offset points', ha='center', va='bottom')
        ax.set_title(model)
        ax.spines[['top', 'right']].set_visible(False)
    axes[0][0].set_ylabel('ms a training batch')
    figure.tight_layout()
    figure.savefig(path, dpi=150)
    plt.close(figure)
